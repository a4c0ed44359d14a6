"""The frame of a test program: its own network, a folder for each class, and no way to succeed without a test."""

import pathlib
import shutil
import tempfile
import unittest

from support import mxwardend, network, postfix


class TestCase(unittest.TestCase):
    """`folder` is the class's own and goes with it."""

    longMessage = True

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="mxwarden-test-"))
        # Postfix's daemons and an unprivileged mxwardend must get through.
        cls.folder.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def own_folder(self):
        """For what belongs to one test alone."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)
        return folder

    def mxwardend(self, conf="", access="", **options):
        """Started, and stopped when the test is over."""
        return self.enterContext(mxwardend.Mxwardend(self.own_folder(), conf, access, **options))


class PostfixTestCase(TestCase):
    """One Postfix for all tests of a class, wired to mxwardend by `main`: see support.postfix."""

    main = {}
    listeners = None
    chroot = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postfix = postfix.Postfix(cls.folder, cls.main, cls.listeners, cls.chroot)
        cls.enterClassContext(cls.postfix)


def main():
    network.enter()
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    assert result.testsRun > 0, "no test ran"
    raise SystemExit(0 if result.wasSuccessful() and not result.skipped else 1)
