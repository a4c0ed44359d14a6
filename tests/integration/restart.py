"""mxwardend goes away and comes back while a real Postfix takes mail: no message is lost and no client is refused."""

import socket
import time

from support import case, loads, policy, postfix, smtp

# As postfix-snippets/ has it: when nobody answers, the mail goes through.
FAIL_OPEN = "check_policy_service { inet:127.0.0.1:10040, timeout=10s, default_action=DUNNO }"

# Far above what the load makes: whatever is refused is a fault.
GENEROUS = """
[client_rate]
limit = 10000
window = 1m
"""


class UnderLoad(case.PostfixTestCase):
    main = postfix.asked_everywhere(FAIL_OPEN)

    def check(self, load):
        self.assertEqual(load.complaints, [])
        self.assertGreater(load.accepted, 50)
        self.assertEqual(len(self.postfix.wait_delivered(load.sender, 2 * load.accepted)), 2 * load.accepted)

    def check_still_protected(self, daemon):
        """The failures must not have left an smtpd that no longer asks."""
        daemon.write("[client_rate]\nlimit = 2\nwindow = 1h\n")
        daemon.reload()
        codes = [smtp.send_message("203.0.113.99").code for _ in range(30)]
        self.assertEqual(codes, [250, 250] + [421] * 28)

    def test_restarts_cost_no_mail(self):
        daemon = self.mxwardend(GENEROUS)
        with loads.SmtpLoad("restart@sender.example") as load:
            for _ in range(4):
                time.sleep(1)
                daemon.restart()
            time.sleep(1)
        self.check(load)
        self.check_still_protected(daemon)

    def test_kills_cost_no_mail(self):
        daemon = self.mxwardend(GENEROUS)
        with loads.SmtpLoad("kill@sender.example") as load:
            for _ in range(4):
                time.sleep(1)
                daemon.kill()
                daemon.start()
            time.sleep(1)
        self.check(load)
        self.check_still_protected(daemon)

    def test_reloads_cost_no_mail(self):
        daemon = self.mxwardend(GENEROUS)
        with loads.SmtpLoad("reload@sender.example") as load:
            for _ in range(20):
                daemon.reload()
        self.check(load)
        self.check_still_protected(daemon)

    def test_an_absence_longer_than_postfix_waits_costs_no_mail(self):
        daemon = self.mxwardend(GENEROUS)
        with loads.SmtpLoad("absence@sender.example") as load:
            time.sleep(1)
            daemon.kill()
            time.sleep(4)
            daemon.start()
            time.sleep(2)
        self.check(load)
        self.check_still_protected(daemon)


class InTheMiddleOfASession(case.PostfixTestCase):
    """mxwardend is first asked at RCPT."""

    main = {"smtpd_recipient_restrictions": postfix.POLICY}
    listeners = {postfix.PORT: {}}

    def check_not_new(self, restart):
        daemon = self.mxwardend("[client_rate]\nlimit = 1\nwindow = 1h\n")
        with smtp.Smtp("198.51.100.70") as session:
            session.hello()
            session.mail("someone@sender.example")
            self.assertEqual(session.recipient("user1@example.org").code, 250)
            restart(daemon)
            self.assertEqual(session.recipient("user2@example.org").code, 250)
            self.assertEqual(session.data().code, 250)
            session.mail("someone@sender.example")
            self.assertEqual(session.recipient("user3@example.org").code, 250)
        # The session was not counted a second time; a new one is.
        self.assertEqual([smtp.send_message("198.51.100.70").code for _ in range(2)], [250, 421])

    def test_a_session_that_was_there_before_a_restart_is_not_new(self):
        self.check_not_new(lambda daemon: daemon.restart())

    def test_a_session_that_was_there_before_a_kill_is_not_new(self):
        def kill(daemon):
            daemon.kill()
            daemon.start()
        self.check_not_new(kill)


class SocketActivation(case.TestCase):
    """The listener belongs to the service manager and lives on while mxwardend does not."""

    def listeners(self):
        inet = self.enterContext(socket.create_server(("127.0.0.1", 10050), backlog=128))
        path = self.own_folder() / "policy"
        unix = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        unix.bind(str(path))
        unix.listen(128)
        return (inet, unix), (("127.0.0.1", 10050), path)

    def test_it_answers_on_the_sockets_it_was_handed(self):
        listeners, addresses = self.listeners()
        self.mxwardend(listeners=listeners)
        for address in addresses:
            with self.subTest(address=address), policy.Client(address) as client:
                self.assertEqual(client.ask(), "DUNNO")

    def test_who_asks_during_a_restart_waits_for_the_answer_and_is_not_turned_away(self):
        listeners, addresses = self.listeners()
        daemon = self.mxwardend(listeners=listeners)
        for end in (daemon.stop, daemon.kill):
            end()
            clients = [self.enterContext(policy.Client(address)) for address in addresses]
            for client in clients:
                client.send(policy.request())
            daemon.start()
            self.assertEqual([client.reply() for client in clients], ["DUNNO", "DUNNO"])

    def test_the_socket_file_of_the_service_manager_stays(self):
        listeners, addresses = self.listeners()
        self.mxwardend(listeners=listeners).stop()
        self.assertTrue(addresses[1].is_socket())


if __name__ == "__main__":
    case.main()
