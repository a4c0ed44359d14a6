"""The frame of a test program: its own network, a folder for each class, and no way to succeed without a test."""

import contextlib
import os
import pathlib
import shutil
import tempfile
import unittest

from support import mxwardend, network, postfix

_PRIORITY = -10


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
    _come_first()
    network.enter()
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    assert result.testsRun > 0, "no test ran"
    raise SystemExit(0 if result.wasSuccessful() and not result.skipped else 1)


def _come_first():
    """Many a test measures how long something takes: let what else the machine does come after it, if the kernel will.
    Where sessions share the processors (autogroups of sched(7)), that is said of the session; else of the process."""
    with contextlib.suppress(OSError):
        os.nice(_PRIORITY)
    with contextlib.suppress(OSError):
        # One of its own. A shell's job may be none; its session is the user's, which is left as it is.
        os.setsid()
        pathlib.Path("/proc/self/autogroup").write_text(str(_PRIORITY))
