# fish completion for becaused(1).
# Made by `becaused docs fish` from the tables of settings and flags: change those and run scripts/docs.

complete -c becaused -f
complete -c becaused -n __fish_use_subcommand -a run -d 'serve clients in front of a Docker daemon'
complete -c becaused -n __fish_use_subcommand -a check -d 'check the settings and show where each comes from'
complete -c becaused -n __fish_use_subcommand -a why -d 'read records: what ended, and why'
complete -c becaused -n __fish_use_subcommand -a kill -d 'end one open request or connection'
complete -c becaused -n __fish_use_subcommand -a token -d 'make keys, issue and check tokens, hash secrets'
complete -c becaused -n __fish_use_subcommand -a docs -d 'print a reference page'
complete -c becaused -n __fish_use_subcommand -a version -d 'name the version and those of the libraries inside'
complete -c becaused -n __fish_use_subcommand -a help -d 'show this, or the help of a command or topic'
complete -c becaused -n '__fish_seen_subcommand_from run' -l config -r -F -d 'read settings from this TOML file'
complete -c becaused -n '__fish_seen_subcommand_from run' -l listen -x -d 'where clients connect; may be given several times'
complete -c becaused -n '__fish_seen_subcommand_from run' -l upstream -x -d 'where dockerd listens'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records -r -F -d 'where records go: a file, or - for standard output'
complete -c becaused -n '__fish_seen_subcommand_from run' -l record-request-start -d 'also write a line when a request starts'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records-max-size -x -d 'put the records\' file aside at this size: FILE.1, FILE.2.gz'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records-max-age -x -d 'the same at this age, with the next record'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records-keep -x -d 'files put aside; older ones are removed'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records-key-file -r -F -d 'chain records by this secret, so that changes show (why --verify)'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records-otlp -x -d 'also send records to this OpenTelemetry collector'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records-otlp-gzip -d 'compress what is sent to it'
complete -c becaused -n '__fish_seen_subcommand_from run' -l records-otlp-tlscacert -r -F -d 'who signs its certificate, for https://'
complete -c becaused -n '__fish_seen_subcommand_from run' -l state -x -a '(__fish_complete_directories)' -d 'where what is open outlives a kill; auto: $XDG_RUNTIME_DIR/becaused or /run/becaused'
complete -c becaused -n '__fish_seen_subcommand_from run' -l admin -x -a 'auto off' -d 'where becaused why --live and kill ask; auto: a socket in the state directory'
complete -c becaused -n '__fish_seen_subcommand_from run' -l user -x -a '(__fish_complete_users)' -d 'become this user once it listens; what is read again later must be readable by it'
complete -c becaused -n '__fish_seen_subcommand_from run' -l profile -x -a 'ping inspect build push_pull builder run_sandboxed admin any' -d 'which requests may pass (becaused help gate)'
complete -c becaused -n '__fish_seen_subcommand_from run' -l clock -x -a 'tls_handshake= request_head= request_head_total= keepalive= upstream_idle= boot_hold= connect= connect_unix= request_body= first_byte= response_body= tunnel= half_open= auth= linger= drain= max_age=' -d 'a time limit, for all classes or for one: CLASS.NAME=DURATION'
complete -c becaused -n '__fish_seen_subcommand_from run' -l route -x -d 'a class for a path: \'CLASS [METHOD] PATTERN\''
complete -c becaused -n '__fish_seen_subcommand_from run' -l tlscert -r -F -d 'TLS on TCP listeners: certificate and chain; several: by name'
complete -c becaused -n '__fish_seen_subcommand_from run' -l tlskey -r -F -d 'the certificate\'s private key'
complete -c becaused -n '__fish_seen_subcommand_from run' -l tlscacert -r -F -d 'who signs clients\' certificates'
complete -c becaused -n '__fish_seen_subcommand_from run' -l tlsverify -d 'demand a client certificate'
complete -c becaused -n '__fish_seen_subcommand_from run' -l upstream-tlscert -r -F -d 'our certificate, for a tls:// upstream'
complete -c becaused -n '__fish_seen_subcommand_from run' -l upstream-tlskey -r -F -d 'its private key'
complete -c becaused -n '__fish_seen_subcommand_from run' -l upstream-tlscacert -r -F -d 'who signs the tls:// upstream\'s certificate'
complete -c becaused -n '__fish_seen_subcommand_from run' -l upstream-tlsverify -d 'check the tls:// upstream\'s certificate and name'
complete -c becaused -n '__fish_seen_subcommand_from run' -l max-handshakes -x -d 'TLS handshakes at once'
complete -c becaused -n '__fish_seen_subcommand_from run' -l proxy-from -x -d 'who may send PROXY headers to ?proxy=on ports: 10.0.0.0/8'
complete -c becaused -n '__fish_seen_subcommand_from run' -l access -r -F -d 'who may come in, and profiles of your own (src/gate/TOKENS.md)'
complete -c becaused -n '__fish_seen_subcommand_from run' -l auth-url -x -d 'ask this service about credentials that nothing else knows'
complete -c becaused -n '__fish_seen_subcommand_from run' -l auth-tlscacert -r -F -d 'who signs its certificate, for https://'
complete -c becaused -n '__fish_seen_subcommand_from run' -l auth-field -x -d 'a field of the request that it is told too'
complete -c becaused -n '__fish_seen_subcommand_from run' -l auth-copy -x -d 'a field of its answer that the upstream gets'
complete -c becaused -n '__fish_seen_subcommand_from run' -l auth-cache -x -d 'how long what it allowed is believed'
complete -c becaused -n '__fish_seen_subcommand_from run' -l mode -x -a 'enforce report learn' -d 'enforce; report: refuse nothing by profile, and say so in records; learn: and write the profile for it'
complete -c becaused -n '__fish_seen_subcommand_from run' -l learn -r -F -d 'where learn writes them, at SIGHUP and at the end'
complete -c becaused -n '__fish_seen_subcommand_from run' -l open-ping -d 'answer /_ping without credentials'
complete -c becaused -n '__fish_seen_subcommand_from run' -l pass-credentials -d 'the upstream gets the credentials too'
complete -c becaused -n '__fish_seen_subcommand_from run' -l connection-rate -x -d 'new connections of one address'
complete -c becaused -n '__fish_seen_subcommand_from run' -l handshake-rate -x -d 'TLS handshakes of one address'
complete -c becaused -n '__fish_seen_subcommand_from run' -l address-rate -x -d 'requests of one address'
complete -c becaused -n '__fish_seen_subcommand_from run' -l identity-rate -x -d 'requests of one identity (without: of its address)'
complete -c becaused -n '__fish_seen_subcommand_from run' -l rate-class -x -d 'the same for identities of that class'
complete -c becaused -n '__fish_seen_subcommand_from run' -l total-rate -x -d 'requests of all together'
complete -c becaused -n '__fish_seen_subcommand_from run' -l identity-exchanges -x -d 'requests at once of one identity; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from run' -l identity-tunnels -x -d 'of these: attach, exec, BuildKit; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from run' -l identity-builds -x -d 'of these: builds; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from run' -l identity-upload -x -d 'per second from the clients of one identity; 0B: no limit'
complete -c becaused -n '__fish_seen_subcommand_from run' -l identity-download -x -d 'per second to the clients of one identity; 0B: no limit'
complete -c becaused -n '__fish_seen_subcommand_from run' -l body-limit -x -d 'the largest request body: \'SIZE [METHOD] PATTERN\''
complete -c becaused -n '__fish_seen_subcommand_from run' -l trust-forwarded -d 'keep the client\'s Forwarded and X-Forwarded-* fields'
complete -c becaused -n '__fish_seen_subcommand_from run' -l allow-half-close -d 'a client that ends its half early still gets its answer'
complete -c becaused -n '__fish_seen_subcommand_from run' -l via-name -x -d 'the name in Via and Proxy-Status'
complete -c becaused -n '__fish_seen_subcommand_from run' -l tell -x -a 'progress frames goaway refusals off' -d 'how clients hear why an answer was cut: progress,frames,goaway,refusals or off'
complete -c becaused -n '__fish_seen_subcommand_from run' -l workers -x -a 'auto' -d 'processes that share the ports and the work; auto: one for each core that it may use'
complete -c becaused -n '__fish_seen_subcommand_from run' -l worker-watchdog -x -d 'a worker whose loop stands still for so long is ended, and the next one started'
complete -c becaused -n '__fish_seen_subcommand_from run' -l max-connections -x -d 'clients at once'
complete -c becaused -n '__fish_seen_subcommand_from run' -l max-requests -x -d 'requests per client connection; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from run' -l memory -x -d 'for bodies on their way, all connections together'
complete -c becaused -n '__fish_seen_subcommand_from run' -l splice -x -d 'bodies with so much left, and busy tunnels, go by splice(2), uncopied; not under TLS'
complete -c becaused -n '__fish_seen_subcommand_from run' -l pool-size -x -d 'idle upstream connections kept'
complete -c becaused -n '__fish_seen_subcommand_from run' -l connect-tries -x -d 'connects to the upstream per request'
complete -c becaused -n '__fish_seen_subcommand_from run' -l retry-backoff -x -d 'first pause between connects; doubles, with jitter'
complete -c becaused -n '__fish_seen_subcommand_from run' -l replays -x -d 'repeats of a request whose reused connection died'
complete -c becaused -n '__fish_seen_subcommand_from run' -l replay-body -x -d 'largest request body kept for a repeat'
complete -c becaused -n '__fish_seen_subcommand_from run' -l backlog -x -d 'connections the kernel holds before they are accepted'
complete -c becaused -n '__fish_seen_subcommand_from run' -l tcp-keepalive -x -d 'idle time before the first keepalive probe'
complete -c becaused -n '__fish_seen_subcommand_from run' -l tcp-user-timeout -x -d 'unacknowledged for this long: the peer is gone'
complete -c becaused -n '__fish_seen_subcommand_from run' -l journal-queue -x -d 'records waiting to be written; more are dropped and counted'
complete -c becaused -n '__fish_seen_subcommand_from check' -l config -r -F -d 'read settings from this TOML file'
complete -c becaused -n '__fish_seen_subcommand_from check' -l listen -x -d 'where clients connect; may be given several times'
complete -c becaused -n '__fish_seen_subcommand_from check' -l upstream -x -d 'where dockerd listens'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records -r -F -d 'where records go: a file, or - for standard output'
complete -c becaused -n '__fish_seen_subcommand_from check' -l record-request-start -d 'also write a line when a request starts'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records-max-size -x -d 'put the records\' file aside at this size: FILE.1, FILE.2.gz'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records-max-age -x -d 'the same at this age, with the next record'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records-keep -x -d 'files put aside; older ones are removed'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records-key-file -r -F -d 'chain records by this secret, so that changes show (why --verify)'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records-otlp -x -d 'also send records to this OpenTelemetry collector'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records-otlp-gzip -d 'compress what is sent to it'
complete -c becaused -n '__fish_seen_subcommand_from check' -l records-otlp-tlscacert -r -F -d 'who signs its certificate, for https://'
complete -c becaused -n '__fish_seen_subcommand_from check' -l state -x -a '(__fish_complete_directories)' -d 'where what is open outlives a kill; auto: $XDG_RUNTIME_DIR/becaused or /run/becaused'
complete -c becaused -n '__fish_seen_subcommand_from check' -l admin -x -a 'auto off' -d 'where becaused why --live and kill ask; auto: a socket in the state directory'
complete -c becaused -n '__fish_seen_subcommand_from check' -l user -x -a '(__fish_complete_users)' -d 'become this user once it listens; what is read again later must be readable by it'
complete -c becaused -n '__fish_seen_subcommand_from check' -l profile -x -a 'ping inspect build push_pull builder run_sandboxed admin any' -d 'which requests may pass (becaused help gate)'
complete -c becaused -n '__fish_seen_subcommand_from check' -l clock -x -a 'tls_handshake= request_head= request_head_total= keepalive= upstream_idle= boot_hold= connect= connect_unix= request_body= first_byte= response_body= tunnel= half_open= auth= linger= drain= max_age=' -d 'a time limit, for all classes or for one: CLASS.NAME=DURATION'
complete -c becaused -n '__fish_seen_subcommand_from check' -l route -x -d 'a class for a path: \'CLASS [METHOD] PATTERN\''
complete -c becaused -n '__fish_seen_subcommand_from check' -l tlscert -r -F -d 'TLS on TCP listeners: certificate and chain; several: by name'
complete -c becaused -n '__fish_seen_subcommand_from check' -l tlskey -r -F -d 'the certificate\'s private key'
complete -c becaused -n '__fish_seen_subcommand_from check' -l tlscacert -r -F -d 'who signs clients\' certificates'
complete -c becaused -n '__fish_seen_subcommand_from check' -l tlsverify -d 'demand a client certificate'
complete -c becaused -n '__fish_seen_subcommand_from check' -l upstream-tlscert -r -F -d 'our certificate, for a tls:// upstream'
complete -c becaused -n '__fish_seen_subcommand_from check' -l upstream-tlskey -r -F -d 'its private key'
complete -c becaused -n '__fish_seen_subcommand_from check' -l upstream-tlscacert -r -F -d 'who signs the tls:// upstream\'s certificate'
complete -c becaused -n '__fish_seen_subcommand_from check' -l upstream-tlsverify -d 'check the tls:// upstream\'s certificate and name'
complete -c becaused -n '__fish_seen_subcommand_from check' -l max-handshakes -x -d 'TLS handshakes at once'
complete -c becaused -n '__fish_seen_subcommand_from check' -l proxy-from -x -d 'who may send PROXY headers to ?proxy=on ports: 10.0.0.0/8'
complete -c becaused -n '__fish_seen_subcommand_from check' -l access -r -F -d 'who may come in, and profiles of your own (src/gate/TOKENS.md)'
complete -c becaused -n '__fish_seen_subcommand_from check' -l auth-url -x -d 'ask this service about credentials that nothing else knows'
complete -c becaused -n '__fish_seen_subcommand_from check' -l auth-tlscacert -r -F -d 'who signs its certificate, for https://'
complete -c becaused -n '__fish_seen_subcommand_from check' -l auth-field -x -d 'a field of the request that it is told too'
complete -c becaused -n '__fish_seen_subcommand_from check' -l auth-copy -x -d 'a field of its answer that the upstream gets'
complete -c becaused -n '__fish_seen_subcommand_from check' -l auth-cache -x -d 'how long what it allowed is believed'
complete -c becaused -n '__fish_seen_subcommand_from check' -l mode -x -a 'enforce report learn' -d 'enforce; report: refuse nothing by profile, and say so in records; learn: and write the profile for it'
complete -c becaused -n '__fish_seen_subcommand_from check' -l learn -r -F -d 'where learn writes them, at SIGHUP and at the end'
complete -c becaused -n '__fish_seen_subcommand_from check' -l open-ping -d 'answer /_ping without credentials'
complete -c becaused -n '__fish_seen_subcommand_from check' -l pass-credentials -d 'the upstream gets the credentials too'
complete -c becaused -n '__fish_seen_subcommand_from check' -l connection-rate -x -d 'new connections of one address'
complete -c becaused -n '__fish_seen_subcommand_from check' -l handshake-rate -x -d 'TLS handshakes of one address'
complete -c becaused -n '__fish_seen_subcommand_from check' -l address-rate -x -d 'requests of one address'
complete -c becaused -n '__fish_seen_subcommand_from check' -l identity-rate -x -d 'requests of one identity (without: of its address)'
complete -c becaused -n '__fish_seen_subcommand_from check' -l rate-class -x -d 'the same for identities of that class'
complete -c becaused -n '__fish_seen_subcommand_from check' -l total-rate -x -d 'requests of all together'
complete -c becaused -n '__fish_seen_subcommand_from check' -l identity-exchanges -x -d 'requests at once of one identity; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from check' -l identity-tunnels -x -d 'of these: attach, exec, BuildKit; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from check' -l identity-builds -x -d 'of these: builds; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from check' -l identity-upload -x -d 'per second from the clients of one identity; 0B: no limit'
complete -c becaused -n '__fish_seen_subcommand_from check' -l identity-download -x -d 'per second to the clients of one identity; 0B: no limit'
complete -c becaused -n '__fish_seen_subcommand_from check' -l body-limit -x -d 'the largest request body: \'SIZE [METHOD] PATTERN\''
complete -c becaused -n '__fish_seen_subcommand_from check' -l trust-forwarded -d 'keep the client\'s Forwarded and X-Forwarded-* fields'
complete -c becaused -n '__fish_seen_subcommand_from check' -l allow-half-close -d 'a client that ends its half early still gets its answer'
complete -c becaused -n '__fish_seen_subcommand_from check' -l via-name -x -d 'the name in Via and Proxy-Status'
complete -c becaused -n '__fish_seen_subcommand_from check' -l tell -x -a 'progress frames goaway refusals off' -d 'how clients hear why an answer was cut: progress,frames,goaway,refusals or off'
complete -c becaused -n '__fish_seen_subcommand_from check' -l workers -x -a 'auto' -d 'processes that share the ports and the work; auto: one for each core that it may use'
complete -c becaused -n '__fish_seen_subcommand_from check' -l worker-watchdog -x -d 'a worker whose loop stands still for so long is ended, and the next one started'
complete -c becaused -n '__fish_seen_subcommand_from check' -l max-connections -x -d 'clients at once'
complete -c becaused -n '__fish_seen_subcommand_from check' -l max-requests -x -d 'requests per client connection; 0: no limit'
complete -c becaused -n '__fish_seen_subcommand_from check' -l memory -x -d 'for bodies on their way, all connections together'
complete -c becaused -n '__fish_seen_subcommand_from check' -l splice -x -d 'bodies with so much left, and busy tunnels, go by splice(2), uncopied; not under TLS'
complete -c becaused -n '__fish_seen_subcommand_from check' -l pool-size -x -d 'idle upstream connections kept'
complete -c becaused -n '__fish_seen_subcommand_from check' -l connect-tries -x -d 'connects to the upstream per request'
complete -c becaused -n '__fish_seen_subcommand_from check' -l retry-backoff -x -d 'first pause between connects; doubles, with jitter'
complete -c becaused -n '__fish_seen_subcommand_from check' -l replays -x -d 'repeats of a request whose reused connection died'
complete -c becaused -n '__fish_seen_subcommand_from check' -l replay-body -x -d 'largest request body kept for a repeat'
complete -c becaused -n '__fish_seen_subcommand_from check' -l backlog -x -d 'connections the kernel holds before they are accepted'
complete -c becaused -n '__fish_seen_subcommand_from check' -l tcp-keepalive -x -d 'idle time before the first keepalive probe'
complete -c becaused -n '__fish_seen_subcommand_from check' -l tcp-user-timeout -x -d 'unacknowledged for this long: the peer is gone'
complete -c becaused -n '__fish_seen_subcommand_from check' -l journal-queue -x -d 'records waiting to be written; more are dropped and counted'
complete -c becaused -n '__fish_seen_subcommand_from check' -l request -x
complete -c becaused -n '__fish_seen_subcommand_from check' -l body -r -F
complete -c becaused -n '__fish_seen_subcommand_from check' -l identity -x
complete -c becaused -n '__fish_seen_subcommand_from check' -l field -x
complete -c becaused -n '__fish_seen_subcommand_from why' -s f
complete -c becaused -n '__fish_seen_subcommand_from why' -l follow
complete -c becaused -n '__fish_seen_subcommand_from why' -l summary
complete -c becaused -n '__fish_seen_subcommand_from why' -l all
complete -c becaused -n '__fish_seen_subcommand_from why' -l reason -x -a 'complete tunnel_complete keepalive_idle client_closed_idle upstream_closed_idle probe shutdown_idle max_requests client_closed client_reset client_head_timeout client_stalled_sending client_stalled_reading client_malformed client_ambiguous_framing client_head_too_large client_proxy_malformed client_proxy_timeout client_tls_failed client_tls_timeout client_tls_truncated client_unreachable auth_missing auth_invalid auth_expired auth_unavailable auth_locked_out policy_denied policy_uninspectable rate_limited concurrency_limited body_too_large source_denied draining disk_low request_unsupported upstream_refused upstream_unreachable upstream_connect_timeout upstream_booting upstream_down upstream_exited upstream_silent upstream_closed upstream_reset upstream_stalled_sending upstream_stalled_reading upstream_malformed upstream_head_too_large upstream_tls_failed upstream_unreachable_live upgrade_mismatch retry_exhausted retry_impossible admin_kill drain_deadline shutdown max_age accept_limit fd_exhausted memory_shed partner internal lost previous_life'
complete -c becaused -n '__fish_seen_subcommand_from why' -l by -x -a 'nobody client gate upstream proxy operator'
complete -c becaused -n '__fish_seen_subcommand_from why' -l path -x
complete -c becaused -n '__fish_seen_subcommand_from why' -l id -x
complete -c becaused -n '__fish_seen_subcommand_from why' -l since -x
complete -c becaused -n '__fish_seen_subcommand_from why' -l json
complete -c becaused -n '__fish_seen_subcommand_from why' -l utc
complete -c becaused -n '__fish_seen_subcommand_from why' -l wide
complete -c becaused -n '__fish_seen_subcommand_from why' -l live
complete -c becaused -n '__fish_seen_subcommand_from why' -l verify
complete -c becaused -n '__fish_seen_subcommand_from why' -l records-key-file -r -F
complete -c becaused -n '__fish_seen_subcommand_from why' -l admin -x
complete -c becaused -n '__fish_seen_subcommand_from why' -l state -x -a '(__fish_complete_directories)'
complete -c becaused -n '__fish_seen_subcommand_from why' -F
complete -c becaused -n '__fish_seen_subcommand_from kill' -l admin -x
complete -c becaused -n '__fish_seen_subcommand_from kill' -l state -x -a '(__fish_complete_directories)'
complete -c becaused -n '__fish_seen_subcommand_from token' -a 'keygen issue inspect verify hash'
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from keygen' -l hash-key
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from keygen' -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l key -r -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l sub -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l aud -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l iss -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l for -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l no-expiry
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l not-before -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l jti -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l profile -x -a 'ping inspect build push_pull builder run_sandboxed admin any'
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l rate -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l host -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l claim -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l kid -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l assertion -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from issue' -l out -r -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from inspect' -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -l access -r -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -l public -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -l aud -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -l assertion -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -l user -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -l host -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -l at -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from verify' -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l password
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l key -r -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l name -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l profile -x -a 'ping inspect build push_pull builder run_sandboxed admin any'
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l rate -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l host -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l expires -x
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -l out -r -F
complete -c becaused -n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from hash' -F
complete -c becaused -n '__fish_seen_subcommand_from docs' -a 'reasons clocks options routes schema man bash zsh fish'
complete -c becaused -n '__fish_seen_subcommand_from help' -a 'run check why kill token docs version help records tls gate'
