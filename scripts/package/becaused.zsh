#compdef becaused
# zsh completion for becaused(1).
# Made by `becaused docs zsh` from the tables of settings and flags: change those and run scripts/docs.

_becaused() {
  local -a commands
  commands=(
    'run:serve clients in front of a Docker daemon'
    'check:check the settings and show where each comes from'
    'why:read records\: what ended, and why'
    'kill:end one open request or connection'
    'token:make keys, issue and check tokens, hash secrets'
    'docs:print a reference page'
    'version:name the version and those of the libraries inside'
    'help:show this, or the help of a command or topic'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  if [[ $command == token ]] && (( CURRENT > 3 )); then
    command="token $words[3]"
    shift words
    (( CURRENT-- ))
  fi
  shift words
  (( CURRENT-- ))
  case $command in
    'run')
      _arguments -S \
      '--config=[read settings from this TOML file]:FILE:_files' \
      '*--listen=[where clients connect; may be given several times]:ADDR: ' \
      '--upstream=[where dockerd listens]:ADDR: ' \
      '--records=[where records go\: a file, or - for standard output]:FILE|-:_files' \
      '--record-request-start[also write a line when a request starts]' \
      '--records-max-size=[put the records'\'' file aside at this size\: FILE.1, FILE.2.gz]:SIZE: ' \
      '--records-max-age=[the same at this age, with the next record]:DURATION: ' \
      '--records-keep=[files put aside; older ones are removed]:N: ' \
      '--records-key-file=[chain records by this secret, so that changes show (why --verify)]:FILE:_files' \
      '--records-otlp=[also send records to this OpenTelemetry collector]:URL: ' \
      '--records-otlp-gzip[compress what is sent to it]' \
      '--records-otlp-tlscacert=[who signs its certificate, for https\://]:FILE:_files' \
      '--state=[where what is open outlives a kill; auto\: $XDG_RUNTIME_DIR/becaused or /run/becaused]:DIR|auto|off:_files -/' \
      '--admin=[where becaused why --live and kill ask; auto\: a socket in the state directory]:ADDR|auto|off:(auto off)' \
      '--user=[become this user once it listens; what is read again later must be readable by it]:USER\[\:GROUP\]:_users' \
      '--profile=[which requests may pass (becaused help gate)]:NAME:(ping inspect build push_pull builder run_sandboxed admin any)' \
      '*--clock=[a time limit, for all classes or for one\: CLASS.NAME=DURATION]:NAME=DURATION:(tls_handshake= request_head= request_head_total= keepalive= upstream_idle= boot_hold= connect= connect_unix= request_body= first_byte= response_body= tunnel= half_open= auth= linger= drain= max_age=)' \
      '*--route=[a class for a path\: '\''CLASS \[METHOD\] PATTERN'\'']:RULE: ' \
      '*--tlscert=[TLS on TCP listeners\: certificate and chain; several\: by name]:FILE:_files' \
      '*--tlskey=[the certificate'\''s private key]:FILE:_files' \
      '--tlscacert=[who signs clients'\'' certificates]:FILE:_files' \
      '--tlsverify[demand a client certificate]' \
      '--upstream-tlscert=[our certificate, for a tls\:// upstream]:FILE:_files' \
      '--upstream-tlskey=[its private key]:FILE:_files' \
      '--upstream-tlscacert=[who signs the tls\:// upstream'\''s certificate]:FILE:_files' \
      '--upstream-tlsverify[check the tls\:// upstream'\''s certificate and name]' \
      '--max-handshakes=[TLS handshakes at once]:N: ' \
      '*--proxy-from=[who may send PROXY headers to ?proxy=on ports\: 10.0.0.0/8]:NET: ' \
      '--access=[who may come in, and profiles of your own (src/gate/TOKENS.md)]:FILE:_files' \
      '--auth-url=[ask this service about credentials that nothing else knows]:URL: ' \
      '--auth-tlscacert=[who signs its certificate, for https\://]:FILE:_files' \
      '*--auth-field=[a field of the request that it is told too]:NAME: ' \
      '*--auth-copy=[a field of its answer that the upstream gets]:NAME: ' \
      '--auth-cache=[how long what it allowed is believed]:DURATION: ' \
      '--mode=[enforce; report\: refuse nothing by profile, and say so in records; learn\: and write the profile for it]:MODE:(enforce report learn)' \
      '--learn=[where learn writes them, at SIGHUP and at the end]:FILE:_files' \
      '--open-ping[answer /_ping without credentials]' \
      '--pass-credentials[the upstream gets the credentials too]' \
      '--connection-rate=[new connections of one address]:RATE: ' \
      '--handshake-rate=[TLS handshakes of one address]:RATE: ' \
      '--address-rate=[requests of one address]:RATE: ' \
      '--identity-rate=[requests of one identity (without\: of its address)]:RATE: ' \
      '*--rate-class=[the same for identities of that class]:NAME=RATE: ' \
      '--total-rate=[requests of all together]:RATE: ' \
      '--identity-exchanges=[requests at once of one identity; 0\: no limit]:N: ' \
      '--identity-tunnels=[of these\: attach, exec, BuildKit; 0\: no limit]:N: ' \
      '--identity-builds=[of these\: builds; 0\: no limit]:N: ' \
      '--identity-upload=[per second from the clients of one identity; 0B\: no limit]:SIZE: ' \
      '--identity-download=[per second to the clients of one identity; 0B\: no limit]:SIZE: ' \
      '*--body-limit=[the largest request body\: '\''SIZE \[METHOD\] PATTERN'\'']:LIMIT: ' \
      '--trust-forwarded[keep the client'\''s Forwarded and X-Forwarded-* fields]' \
      '--allow-half-close[a client that ends its half early still gets its answer]' \
      '--via-name=[the name in Via and Proxy-Status]:NAME: ' \
      '--tell=[how clients hear why an answer was cut\: progress,frames,goaway,refusals or off]:WAYS:(progress frames goaway refusals off)' \
      '--workers=[processes that share the ports and the work; auto\: one for each core that it may use]:N|auto:(auto)' \
      '--worker-watchdog=[a worker whose loop stands still for so long is ended, and the next one started]:DURATION: ' \
      '--max-connections=[clients at once]:N: ' \
      '--max-requests=[requests per client connection; 0\: no limit]:N: ' \
      '--memory=[for bodies on their way, all connections together]:SIZE: ' \
      '--splice=[bodies with so much left, and busy tunnels, go by splice(2), uncopied; not under TLS]:SIZE: ' \
      '--pool-size=[idle upstream connections kept]:N: ' \
      '--connect-tries=[connects to the upstream per request]:N: ' \
      '--retry-backoff=[first pause between connects; doubles, with jitter]:DURATION: ' \
      '--replays=[repeats of a request whose reused connection died]:N: ' \
      '--replay-body=[largest request body kept for a repeat]:SIZE: ' \
      '--backlog=[connections the kernel holds before they are accepted]:N: ' \
      '--tcp-keepalive=[idle time before the first keepalive probe]:DURATION: ' \
      '--tcp-user-timeout=[unacknowledged for this long\: the peer is gone]:DURATION: ' \
      '--journal-queue=[records waiting to be written; more are dropped and counted]:SIZE: ' \
      && return 0
      ;;
    'check')
      _arguments -S \
      '--config=[read settings from this TOML file]:FILE:_files' \
      '*--listen=[where clients connect; may be given several times]:ADDR: ' \
      '--upstream=[where dockerd listens]:ADDR: ' \
      '--records=[where records go\: a file, or - for standard output]:FILE|-:_files' \
      '--record-request-start[also write a line when a request starts]' \
      '--records-max-size=[put the records'\'' file aside at this size\: FILE.1, FILE.2.gz]:SIZE: ' \
      '--records-max-age=[the same at this age, with the next record]:DURATION: ' \
      '--records-keep=[files put aside; older ones are removed]:N: ' \
      '--records-key-file=[chain records by this secret, so that changes show (why --verify)]:FILE:_files' \
      '--records-otlp=[also send records to this OpenTelemetry collector]:URL: ' \
      '--records-otlp-gzip[compress what is sent to it]' \
      '--records-otlp-tlscacert=[who signs its certificate, for https\://]:FILE:_files' \
      '--state=[where what is open outlives a kill; auto\: $XDG_RUNTIME_DIR/becaused or /run/becaused]:DIR|auto|off:_files -/' \
      '--admin=[where becaused why --live and kill ask; auto\: a socket in the state directory]:ADDR|auto|off:(auto off)' \
      '--user=[become this user once it listens; what is read again later must be readable by it]:USER\[\:GROUP\]:_users' \
      '--profile=[which requests may pass (becaused help gate)]:NAME:(ping inspect build push_pull builder run_sandboxed admin any)' \
      '*--clock=[a time limit, for all classes or for one\: CLASS.NAME=DURATION]:NAME=DURATION:(tls_handshake= request_head= request_head_total= keepalive= upstream_idle= boot_hold= connect= connect_unix= request_body= first_byte= response_body= tunnel= half_open= auth= linger= drain= max_age=)' \
      '*--route=[a class for a path\: '\''CLASS \[METHOD\] PATTERN'\'']:RULE: ' \
      '*--tlscert=[TLS on TCP listeners\: certificate and chain; several\: by name]:FILE:_files' \
      '*--tlskey=[the certificate'\''s private key]:FILE:_files' \
      '--tlscacert=[who signs clients'\'' certificates]:FILE:_files' \
      '--tlsverify[demand a client certificate]' \
      '--upstream-tlscert=[our certificate, for a tls\:// upstream]:FILE:_files' \
      '--upstream-tlskey=[its private key]:FILE:_files' \
      '--upstream-tlscacert=[who signs the tls\:// upstream'\''s certificate]:FILE:_files' \
      '--upstream-tlsverify[check the tls\:// upstream'\''s certificate and name]' \
      '--max-handshakes=[TLS handshakes at once]:N: ' \
      '*--proxy-from=[who may send PROXY headers to ?proxy=on ports\: 10.0.0.0/8]:NET: ' \
      '--access=[who may come in, and profiles of your own (src/gate/TOKENS.md)]:FILE:_files' \
      '--auth-url=[ask this service about credentials that nothing else knows]:URL: ' \
      '--auth-tlscacert=[who signs its certificate, for https\://]:FILE:_files' \
      '*--auth-field=[a field of the request that it is told too]:NAME: ' \
      '*--auth-copy=[a field of its answer that the upstream gets]:NAME: ' \
      '--auth-cache=[how long what it allowed is believed]:DURATION: ' \
      '--mode=[enforce; report\: refuse nothing by profile, and say so in records; learn\: and write the profile for it]:MODE:(enforce report learn)' \
      '--learn=[where learn writes them, at SIGHUP and at the end]:FILE:_files' \
      '--open-ping[answer /_ping without credentials]' \
      '--pass-credentials[the upstream gets the credentials too]' \
      '--connection-rate=[new connections of one address]:RATE: ' \
      '--handshake-rate=[TLS handshakes of one address]:RATE: ' \
      '--address-rate=[requests of one address]:RATE: ' \
      '--identity-rate=[requests of one identity (without\: of its address)]:RATE: ' \
      '*--rate-class=[the same for identities of that class]:NAME=RATE: ' \
      '--total-rate=[requests of all together]:RATE: ' \
      '--identity-exchanges=[requests at once of one identity; 0\: no limit]:N: ' \
      '--identity-tunnels=[of these\: attach, exec, BuildKit; 0\: no limit]:N: ' \
      '--identity-builds=[of these\: builds; 0\: no limit]:N: ' \
      '--identity-upload=[per second from the clients of one identity; 0B\: no limit]:SIZE: ' \
      '--identity-download=[per second to the clients of one identity; 0B\: no limit]:SIZE: ' \
      '*--body-limit=[the largest request body\: '\''SIZE \[METHOD\] PATTERN'\'']:LIMIT: ' \
      '--trust-forwarded[keep the client'\''s Forwarded and X-Forwarded-* fields]' \
      '--allow-half-close[a client that ends its half early still gets its answer]' \
      '--via-name=[the name in Via and Proxy-Status]:NAME: ' \
      '--tell=[how clients hear why an answer was cut\: progress,frames,goaway,refusals or off]:WAYS:(progress frames goaway refusals off)' \
      '--workers=[processes that share the ports and the work; auto\: one for each core that it may use]:N|auto:(auto)' \
      '--worker-watchdog=[a worker whose loop stands still for so long is ended, and the next one started]:DURATION: ' \
      '--max-connections=[clients at once]:N: ' \
      '--max-requests=[requests per client connection; 0\: no limit]:N: ' \
      '--memory=[for bodies on their way, all connections together]:SIZE: ' \
      '--splice=[bodies with so much left, and busy tunnels, go by splice(2), uncopied; not under TLS]:SIZE: ' \
      '--pool-size=[idle upstream connections kept]:N: ' \
      '--connect-tries=[connects to the upstream per request]:N: ' \
      '--retry-backoff=[first pause between connects; doubles, with jitter]:DURATION: ' \
      '--replays=[repeats of a request whose reused connection died]:N: ' \
      '--replay-body=[largest request body kept for a repeat]:SIZE: ' \
      '--backlog=[connections the kernel holds before they are accepted]:N: ' \
      '--tcp-keepalive=[idle time before the first keepalive probe]:DURATION: ' \
      '--tcp-user-timeout=[unacknowledged for this long\: the peer is gone]:DURATION: ' \
      '--journal-queue=[records waiting to be written; more are dropped and counted]:SIZE: ' \
      '--request=:'\''METHOD TARGET'\'': ' \
      '--body=:FILE:_files' \
      '--identity=:NAME: ' \
      '*--field=:'\''NAME\: VALUE'\'': ' \
      && return 0
      ;;
    'why')
      _arguments -S \
      '-f' \
      '--follow' \
      '--summary' \
      '--all' \
      '--reason=:NAME:(complete tunnel_complete keepalive_idle client_closed_idle upstream_closed_idle probe shutdown_idle max_requests client_closed client_reset client_head_timeout client_stalled_sending client_stalled_reading client_malformed client_ambiguous_framing client_head_too_large client_proxy_malformed client_proxy_timeout client_tls_failed client_tls_timeout client_tls_truncated client_unreachable auth_missing auth_invalid auth_expired auth_unavailable auth_locked_out policy_denied policy_uninspectable rate_limited concurrency_limited body_too_large source_denied draining disk_low request_unsupported upstream_refused upstream_unreachable upstream_connect_timeout upstream_booting upstream_down upstream_exited upstream_silent upstream_closed upstream_reset upstream_stalled_sending upstream_stalled_reading upstream_malformed upstream_head_too_large upstream_tls_failed upstream_unreachable_live upgrade_mismatch retry_exhausted retry_impossible admin_kill drain_deadline shutdown max_age accept_limit fd_exhausted memory_shed partner internal lost previous_life)' \
      '--by=:SIDE:(nobody client gate upstream proxy operator)' \
      '--path=:PATTERN: ' \
      '--id=:ID: ' \
      '--since=:WHEN: ' \
      '--json' \
      '--utc' \
      '--wide' \
      '--live' \
      '--verify' \
      '--records-key-file=:FILE:_files' \
      '--admin=:ADDR: ' \
      '--state=:DIR:_files -/' \
      '*:FILE:_files'
      ;;
    'kill')
      _arguments -S \
      '--admin=:ADDR: ' \
      '--state=:DIR:_files -/' \
      && return 0
      ;;
    'token')
      _arguments -S \
      '*:word:(keygen issue inspect verify hash)'
      ;;
    'token keygen')
      _arguments -S \
      '--hash-key' \
      '*:FILE:_files'
      ;;
    'token issue')
      _arguments -S \
      '--key=:FILE:_files' \
      '--sub=:NAME: ' \
      '--aud=:NAME: ' \
      '--iss=:NAME: ' \
      '--for=:DURATION: ' \
      '--no-expiry' \
      '--not-before=:TIME: ' \
      '--jti=:ID: ' \
      '--profile=:NAME:(ping inspect build push_pull builder run_sandboxed admin any)' \
      '--rate=:NAME: ' \
      '*--host=:HOST: ' \
      '*--claim=:NAME=JSON: ' \
      '--kid=:ID: ' \
      '--assertion=:TEXT: ' \
      '--out=:FILE:_files' \
      && return 0
      ;;
    'token inspect')
      _arguments -S \
      '*:FILE:_files'
      ;;
    'token verify')
      _arguments -S \
      '--access=:FILE:_files' \
      '--public=:KEY: ' \
      '--aud=:NAME: ' \
      '--assertion=:TEXT: ' \
      '--user=:NAME: ' \
      '--host=:HOST: ' \
      '--at=:TIME: ' \
      '*:FILE:_files'
      ;;
    'token hash')
      _arguments -S \
      '--password' \
      '--key=:FILE:_files' \
      '--name=:NAME: ' \
      '--profile=:NAME:(ping inspect build push_pull builder run_sandboxed admin any)' \
      '--rate=:NAME: ' \
      '*--host=:HOST: ' \
      '--expires=:TIME: ' \
      '--out=:FILE:_files' \
      '*:FILE:_files'
      ;;
    'docs')
      _arguments -S \
      '*:word:(reasons clocks options routes schema man bash zsh fish)'
      ;;
    'version')
      _arguments -S \
      && return 0
      ;;
    'help')
      _arguments -S \
      '*:word:(run check why kill token docs version help records tls gate)'
      ;;
  esac
}

_becaused "$@"
