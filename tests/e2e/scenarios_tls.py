"""TLS before the daemon, as dockerd would speak it, from the clients' side."""

import json
import subprocess

from processes import clean_environment
from scenario import claim
from waiting import check


def curl(front, *arguments, host="127.0.0.1"):
    url = f"https://{host}:{front.port}/version"
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", "10", *arguments, url],
                          env=clean_environment(), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)


def connections(front, reason):
    return [each for each in front.records()
            if each["event"] == "connection" and each["reason"] == reason]


@claim(clients="none", proxied_only=True, over=("tls",))
def curl_with_a_certificate_is_served_and_without_one_is_not(t):
    front = t.front(t.shared)
    shown = curl(front, "--cacert", t.pki.ca, "--cert", t.pki.client, "--key", t.pki.client_key)
    check(shown.returncode == 0 and json.loads(shown.stdout)["Version"], str(shown))
    front.tolerate_connections("client_tls_failed")
    shown = curl(front, "--cacert", t.pki.ca)
    check(shown.returncode != 0 and "alert" in shown.stderr, str(shown))
    check(curl(front).returncode == 60, "curl trusts what it does not know")
    front.finish()
    failed = connections(front, "client_tls_failed")
    check([each["detail"] for each in failed] ==
          ["no client certificate was sent", "the other side's alert says unknown_ca"],
          str(failed))


@claim(proxied_only=True, over=("tls",))
def a_client_without_tls_is_told_what_to_set(t):
    front = t.front(t.shared)
    front.tolerate_connections("client_tls_failed")
    user = t.user(front)
    user.pki = None
    shown = user.run("version", "--format", "{{.Server.Version}}", seconds=30).failed()
    shown.says("this port speaks TLS: set DOCKER_TLS_VERIFY=1")
    front.finish()
    failed = connections(front, "client_tls_failed")
    check(failed and all("plain HTTP" in each["detail"] for each in failed), str(failed))


@claim(proxied_only=True, over=("tls",))
def commands_over_tls_leave_clean_records(t):
    front = t.front(t.shared)
    t.user(front).run("ps").ok()
    front.finish()
    client = [each for each in front.records()
              if each["event"] == "connection" and each["side"] == "client"]
    for each in client:
        check(each["reason"] in ("client_closed_idle", "probe"), str(each))
        check(each["reason"] == "probe" or each["tls"]["version"].startswith("TLSv1."), str(each))
