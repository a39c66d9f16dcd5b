# bash completion for becaused(1).
# Made by `becaused docs bash` from the tables of settings and flags: change those and run scripts/docs.

_becaused() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} flags='' words='' files='' word
    COMPREPLY=()
    # bash takes --flag=value for three words.
    if [ "$current" = = ]; then
        current=''
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
    --state) files=directory words='auto off' ;;
    --config | --records | --records-key-file | --records-otlp-tlscacert | --tlscert | --tlskey | --tlscacert | --upstream-tlscert | --upstream-tlskey | --upstream-tlscacert | --access | --auth-tlscacert | --learn | --body | --key | --out) files=file ;;
    --user) files=user ;;
    --listen | --upstream | --records-max-size | --records-max-age | --records-keep | --records-otlp | --route | --max-handshakes | --proxy-from | --auth-url | --auth-field | --auth-copy | --auth-cache | --connection-rate | --handshake-rate | --address-rate | --identity-rate | --rate-class | --total-rate | --identity-exchanges | --identity-tunnels | --identity-builds | --identity-upload | --identity-download | --body-limit | --via-name | --worker-watchdog | --max-connections | --max-requests | --memory | --splice | --pool-size | --connect-tries | --retry-backoff | --replays | --replay-body | --backlog | --tcp-keepalive | --tcp-user-timeout | --journal-queue | --request | --identity | --field | --path | --id | --since | --sub | --aud | --iss | --for | --not-before | --jti | --rate | --host | --claim | --kid | --assertion | --public | --at | --name | --expires) return ;;
    --admin) words='auto off' ;;
    --workers) words='auto' ;;
    --reason) words='complete tunnel_complete keepalive_idle client_closed_idle upstream_closed_idle probe shutdown_idle max_requests client_closed client_reset client_head_timeout client_stalled_sending client_stalled_reading client_malformed client_ambiguous_framing client_head_too_large client_proxy_malformed client_proxy_timeout client_tls_failed client_tls_timeout client_tls_truncated client_unreachable auth_missing auth_invalid auth_expired auth_unavailable auth_locked_out policy_denied policy_uninspectable rate_limited concurrency_limited body_too_large source_denied draining disk_low request_unsupported upstream_refused upstream_unreachable upstream_connect_timeout upstream_booting upstream_down upstream_exited upstream_silent upstream_closed upstream_reset upstream_stalled_sending upstream_stalled_reading upstream_malformed upstream_head_too_large upstream_tls_failed upstream_unreachable_live upgrade_mismatch retry_exhausted retry_impossible admin_kill drain_deadline shutdown max_age accept_limit fd_exhausted memory_shed partner internal lost previous_life' ;;
    --mode) words='enforce report learn' ;;
    --by) words='nobody client gate upstream proxy operator' ;;
    --profile) words='ping inspect build push_pull builder run_sandboxed admin any' ;;
    --tell) words='progress frames goaway refusals off' ;;
    --clock) words='tls_handshake= request_head= request_head_total= keepalive= upstream_idle= boot_hold= connect= connect_unix= request_body= first_byte= response_body= tunnel= half_open= auth= linger= drain= max_age=' ;;
    *)
        if [ "$COMP_CWORD" = 1 ]; then
            words='run check why kill token docs version help'
        else
            [ "$command" != token ] || [ "$COMP_CWORD" = 2 ] || command="token ${COMP_WORDS[2]}"
            case $command in
    'run') flags='--config --listen --upstream --records --record-request-start --records-max-size --records-max-age --records-keep --records-key-file --records-otlp --records-otlp-gzip --records-otlp-tlscacert --state --admin --user --profile --clock --route --tlscert --tlskey --tlscacert --tlsverify --upstream-tlscert --upstream-tlskey --upstream-tlscacert --upstream-tlsverify --max-handshakes --proxy-from --access --auth-url --auth-tlscacert --auth-field --auth-copy --auth-cache --mode --learn --open-ping --pass-credentials --connection-rate --handshake-rate --address-rate --identity-rate --rate-class --total-rate --identity-exchanges --identity-tunnels --identity-builds --identity-upload --identity-download --body-limit --trust-forwarded --allow-half-close --via-name --tell --workers --worker-watchdog --max-connections --max-requests --memory --splice --pool-size --connect-tries --retry-backoff --replays --replay-body --backlog --tcp-keepalive --tcp-user-timeout --journal-queue' ;;
    'check') flags='--config --listen --upstream --records --record-request-start --records-max-size --records-max-age --records-keep --records-key-file --records-otlp --records-otlp-gzip --records-otlp-tlscacert --state --admin --user --profile --clock --route --tlscert --tlskey --tlscacert --tlsverify --upstream-tlscert --upstream-tlskey --upstream-tlscacert --upstream-tlsverify --max-handshakes --proxy-from --access --auth-url --auth-tlscacert --auth-field --auth-copy --auth-cache --mode --learn --open-ping --pass-credentials --connection-rate --handshake-rate --address-rate --identity-rate --rate-class --total-rate --identity-exchanges --identity-tunnels --identity-builds --identity-upload --identity-download --body-limit --trust-forwarded --allow-half-close --via-name --tell --workers --worker-watchdog --max-connections --max-requests --memory --splice --pool-size --connect-tries --retry-backoff --replays --replay-body --backlog --tcp-keepalive --tcp-user-timeout --journal-queue --request --body --identity --field' ;;
    'why') flags='-f --follow --summary --all --reason --by --path --id --since --json --utc --wide --live --verify --records-key-file --admin --state' files=file ;;
    'kill') flags='--admin --state' ;;
    'token') words='keygen issue inspect verify hash' ;;
    'token keygen') flags='--hash-key' files=file ;;
    'token issue') flags='--key --sub --aud --iss --for --no-expiry --not-before --jti --profile --rate --host --claim --kid --assertion --out' ;;
    'token inspect') files=file ;;
    'token verify') flags='--access --public --aud --assertion --user --host --at' files=file ;;
    'token hash') flags='--password --key --name --profile --rate --host --expires --out' files=file ;;
    'docs') words='reasons clocks options routes schema man bash zsh fish' ;;
    'help') words='run check why kill token docs version help records tls gate' ;;
            esac
            case $current in
            -*) words=$flags files='' ;;
            esac
        fi
        ;;
    esac
    while read -r word; do
        [ -z "$word" ] || COMPREPLY+=("$word")
    done < <(
        compgen -W "$words" -- "$current"
        case $files in
        file) compgen -f -- "$current" ;;
        directory) compgen -d -- "$current" ;;
        user) compgen -u -- "$current" ;;
        esac
    )
    case $files in
    file | directory) compopt -o filenames ;;
    esac
    case ${COMPREPLY[0]:-} in
    *=) compopt -o nospace ;;
    esac
    return 0
}
complete -F _becaused becaused
