# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_consulctl_global_optspecs
    string join \n h/help V/version
end

function __fish_consulctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_consulctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_consulctl_using_subcommand
    set -l cmd (__fish_consulctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c consulctl -n "__fish_consulctl_needs_command" -s h -l help -d 'Print help'
complete -c consulctl -n "__fish_consulctl_needs_command" -s V -l version -d 'Print version'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "agent" -d 'Runs a Consul agent'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "completion" -d 'Completes commands, flags and names at the prompt'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "keygen" -d 'Makes a new key for gossip encryption'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "validate" -d 'Checks configuration files'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "version" -d 'Prints the version'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "catalog" -d 'Lists what the catalog knows'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "context" -d 'Lists, shows and switches contexts: named agents'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "event" -d 'Sends an event to the agents of a datacenter'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "exec" -d 'Runs a command on many nodes'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "force-leave" -d 'Declares a failed member to have left'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "info" -d 'Shows the agent\'s inner numbers: raft, gossip, runtime'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "join" -d 'Makes the agent join a cluster'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "keyring" -d 'Manages the keys that encrypt gossip'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "kv" -d 'Reads and writes the key/value store'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "leave" -d 'Makes the agent leave the cluster and stop'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "lock" -d 'Runs a command while holding a lock'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "maint" -d 'Puts the node or a service into maintenance'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "members" -d 'Lists the members of the cluster'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "monitor" -d 'Streams the agent\'s log'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "operator" -d 'Looks after the servers'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "reload" -d 'Makes the agent read its configuration files again'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "rtt" -d 'Estimates the round trip time between two nodes'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "services" -d 'Registers services with the agent and removes them'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "snapshot" -d 'Saves, restores and inspects snapshots of the servers\' state'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "top" -d 'Shows the cluster: leader, raft, gossip, checks'
complete -c consulctl -n "__fish_consulctl_needs_command" -f -a "watch" -d 'Prints data when it changes, or runs a command'
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l config-file -l config-dir -d 'Configuration file (.json or .hcl), or a folder whose .json and .hcl files are read in alphabetical order. May be repeated; later files override earlier ones.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l config-format -d 'Format of all configuration files whatever their extension: hcl or json.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l dev -d 'Development mode: a single server in memory, with debug logs and nothing to configure. Not for production.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l hcl -d 'Fragment of HCL configuration that overrides files and flags. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l advertise -d 'Address that other nodes use to reach this one, instead of the bind address.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l advertise-wan -d 'Address that servers of other datacenters use to reach this one, instead of -advertise.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l alt-domain -d 'Second domain that the DNS interface answers for.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l bind -d 'Address for cluster communication. Must be reachable by every other node.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l client -d 'Addresses for HTTP, HTTPS, DNS and gRPC clients, separated by spaces.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l data-dir -d 'Folder for the agent\'s state. Required unless -dev is given.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l datacenter -d 'Datacenter of the agent.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l default-query-time -d 'How long a blocking query waits when the client does not say, for example 300s.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l domain -d 'Domain that the DNS interface answers for.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l encrypt -d 'Gossip encryption key, as printed by keygen.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l log-file -d 'File or folder to write logs to, besides the terminal.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l log-level -d 'Log level: trace, debug, info, warn or err.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l log-rotate-duration -d 'Start a new log file after this time, for example 24h.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l max-query-time -d 'Longest time a client may let a blocking query wait, for example 600s.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l node -d 'Name of this node. Must be unique in the cluster.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l node-id -d 'Unique ID of this node, a UUID. Created and kept in the data folder when not given.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l partition -d '(Enterprise-only) Partition of the agent.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l pid-file -d 'File to write the agent\'s process ID to.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l retry-interval -d 'Time between two -retry-join attempts.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l retry-interval-wan -d 'Time between two -retry-join-wan attempts.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l segment -d '(Enterprise-only) Network segment to join.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l serf-lan-bind -d 'Address for gossip inside the datacenter, instead of -bind.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l serf-wan-bind -d 'Address for gossip between datacenters, instead of -bind.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l ui-content-path -d 'Path under which the web UI is served. Defaults to /ui/.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l ui-dir -d 'Folder with the files of a web UI.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l bootstrap-expect -d 'Number of servers to wait for before the cluster elects its first leader.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l check_output_max_size -d 'Largest output, in bytes, that is kept of a health check.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l dns-port -d 'DNS port, -1 to switch DNS off.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l grpc-port -d 'gRPC port, -1 to switch gRPC off.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l grpc-tls-port -d 'gRPC port with TLS, -1 to switch it off.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l http-port -d 'HTTP port, -1 to switch HTTP off.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l https-port -d 'HTTPS port, -1 to switch HTTPS off.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l log-rotate-bytes -d 'Start a new log file after this many bytes.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l log-rotate-max-files -d 'How many old log files to keep: 0 keeps all, -1 none.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l protocol -d 'Protocol version to speak. Defaults to the latest.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l raft-protocol -d 'Raft protocol version. Defaults to the latest.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l retry-max -d 'Number of -retry-join attempts, 0 for no limit.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l retry-max-wan -d 'Number of -retry-join-wan attempts, 0 for no limit.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l serf-lan-port -d 'Port for gossip inside the datacenter.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l serf-wan-port -d 'Port for gossip between datacenters, -1 to switch it off.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l server-port -d 'Port for requests between agents.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l auto-reload-config -d 'Watch the configuration files and reload when they change.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l bootstrap -d 'Let this server elect itself leader. Only for the first server of a cluster.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l disable-host-node-id -d 'Create a random node ID rather than one derived from the host.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l disable-keyring-file -d 'Do not keep the gossip keyring in a file.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l enable-local-script-checks -d 'Allow script checks that are defined in configuration files.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l enable-script-checks -d 'Allow script checks, from configuration files and from the HTTP API.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l log-json -d 'Write logs as JSON.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l non-voting-server -d '(Enterprise-only) Receive the data but take no part in the quorum. Use -read-replica.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l read-replica -d '(Enterprise-only) Receive the data but take no part in the quorum.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l rejoin -d 'Rejoin the cluster after a restart even if the node had left it.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l server -d 'Run as a server.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l syslog -d 'Write logs to syslog too.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l ui -d 'Serve the web UI.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l allow-write-http-from -d 'Network (CIDR) from which HTTP writes are allowed. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l join -d 'Address of a node to join at start, once. May be repeated. Prefer -retry-join.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l join-wan -d 'Address of a server in another datacenter to join at start, once. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l node-meta -d 'Metadata of this node as key:value. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l primary-gateway -d 'Address of a mesh gateway in the primary datacenter. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l recursor -d 'DNS server that is asked for names outside the domain. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l retry-join -d 'Address of a node to join at start, with retries. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l retry-join-wan -d 'Address of a server in another datacenter to join, with retries. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l serf-lan-allowed-cidrs -d 'Network (CIDR) that may gossip inside the datacenter. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -l serf-wan-allowed-cidrs -d 'Network (CIDR) that may gossip between datacenters. May be repeated.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand agent" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and not __fish_seen_subcommand_from install print uninstall" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and not __fish_seen_subcommand_from install print uninstall" -f -a "install" -d 'Turns completion on in the shell\'s start-up file'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and not __fish_seen_subcommand_from install print uninstall" -f -a "print" -d 'Prints what a shell runs to turn completion on'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and not __fish_seen_subcommand_from install print uninstall" -f -a "uninstall" -d 'Takes completion out of the shell\'s start-up file'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from install" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from install" -l yes -d 'Do not ask'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from install" -l no-input -d 'Ask nothing: where a person would be asked, fail, unless -yes or -confirm is given.'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from print" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from uninstall" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from uninstall" -l yes -d 'Do not ask'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from uninstall" -l no-input -d 'Ask nothing: where a person would be asked, fail, unless -yes or -confirm is given.'
complete -c consulctl -n "__fish_consulctl_using_subcommand completion; and __fish_seen_subcommand_from uninstall" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand keygen" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand keygen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand validate" -l config-format -d 'Format of all files whatever their extension: hcl or json' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand validate" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand validate" -l quiet -d 'Print nothing when the configuration is valid'
complete -c consulctl -n "__fish_consulctl_using_subcommand validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand version" -l format -d 'What to print: text or json. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'"
complete -c consulctl -n "__fish_consulctl_using_subcommand version" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and not __fish_seen_subcommand_from datacenters nodes services" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and not __fish_seen_subcommand_from datacenters nodes services" -f -a "datacenters" -d 'Lists the known datacenters, nearest first'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and not __fish_seen_subcommand_from datacenters nodes services" -f -a "nodes" -d 'Lists the nodes of a datacenter'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and not __fish_seen_subcommand_from datacenters nodes services" -f -a "services" -d 'Lists the services of a datacenter'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l format -d 'What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table of those columns. Also -o' -r -f -a "text\t''
wide\t''
json\t''
yaml\t''
csv\t''
name\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l no-headers -d 'Leave out the names of the columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from datacenters" -s h -l help -d 'Print help'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l filter -d 'Only nodes for which this expression holds, for example \'Meta.env == "prod"\'' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l near -d 'Sort by round trip time from this node; _agent means the agent\'s own' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l node-meta -d 'Only nodes with this metadata; may be given several times' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l service -d 'Only nodes that run this service' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l format -d 'What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table of those columns. Also -o' -r -f -a "text\t''
wide\t''
json\t''
yaml\t''
csv\t''
name\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l detailed -d 'Print whole ids, tagged addresses and metadata as well'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l no-headers -d 'Leave out the names of the columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l watch -d 'Go on and show every change, until interrupted'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from nodes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l node -d 'Only services of this node, by name or id' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l node-meta -d 'Only services of nodes with this metadata; may be given several times' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l format -d 'What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table of those columns. Also -o' -r -f -a "text\t''
wide\t''
json\t''
yaml\t''
csv\t''
name\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l tags -d 'Print each service\'s tags as well'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l no-headers -d 'Leave out the names of the columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l watch -d 'Go on and show every change, until interrupted'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand catalog; and __fish_seen_subcommand_from services" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and not __fish_seen_subcommand_from ls show use" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and not __fish_seen_subcommand_from ls show use" -f -a "ls" -d 'Lists the contexts'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and not __fish_seen_subcommand_from ls show use" -f -a "show" -d 'Shows what commands would use'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and not __fish_seen_subcommand_from ls show use" -f -a "use" -d 'Makes a context the current one'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l format -d 'What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table of those columns. Also -o' -r -f -a "text\t''
wide\t''
json\t''
yaml\t''
csv\t''
name\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l no-headers -d 'Leave out the names of the columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l format -d 'What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table of those columns. Also -o' -r -f -a "text\t''
wide\t''
json\t''
yaml\t''
csv\t''
name\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l origin -d 'Print where each value comes from'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l no-headers -d 'Leave out the names of the columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from use" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand context; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l name -d 'The event\'s name' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l node -d 'Only nodes whose name matches this regular expression' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l service -d 'Only nodes that run a service whose name matches this regular expression' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l tag -d 'Only services with a tag that matches this regular expression; needs -service' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l format -d 'What to print: text, json or yaml. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'
yaml\t'YAML'"
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand event" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l node -d 'Only nodes whose name matches this regular expression' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l prefix -d 'Where in the key/value store the job is put. Default _rexec' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l service -d 'Only nodes that run a service whose name matches this regular expression' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l shell -d 'Run the command through a shell' -r -f -a "true\t''
false\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l tag -d 'Only services with a tag that matches this regular expression; needs -service' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l wait -d 'How long to wait for the next news from the nodes, twice that while some are at it. Default 2s' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l wait-repl -d 'How long to wait before the nodes are called, so that all servers have the job. Default 200ms' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l verbose -d 'Tell what is done'
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l confirm -d 'The word that would have to be typed, for example the name; nothing is asked then.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l prune -d 'Take the member off the list at once, instead of showing it as left for a while'
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l wan -d 'Act on the WAN pool, where names are NODE.DATACENTER'
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l yes -d 'Do not ask a person at a terminal about a member that is alive'
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -l no-input -d 'Ask nothing: where a person would be asked, fail, unless -yes or -confirm is given.'
complete -c consulctl -n "__fish_consulctl_using_subcommand force-leave" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l format -d 'What to print: text, json or yaml. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'
yaml\t'YAML'"
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l no-pager -d 'Print all of it at once, whatever PAGER says'
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l watch -d 'Go on and show every number that changes, until interrupted'
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l all -d 'Fail unless every address was joined; by default one is enough'
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l wan -d 'Join another datacenter\'s servers in the WAN pool; both sides must be servers'
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand join" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l install -d 'Make a new key known to all members, so that they can read what is encrypted with it' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l relay-factor -d 'Have this many other members carry each answer a second way, 0 to 5' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l remove -d 'Make members forget a key; the one that they encrypt with stays' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l use -d 'Encrypt with this key from now on; it must be installed' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l format -d 'What to print: text, json or yaml. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'
yaml\t'YAML'"
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l list -d 'List the keys that members know, and how many know each'
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l list-primary -d 'List the keys that members encrypt with, and how many use each'
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l local-only -d 'Ask the members of this datacenter only, without the WAN pool; for -list'
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand keyring" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and not __fish_seen_subcommand_from cas delete export get import put" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and not __fish_seen_subcommand_from cas delete export get import put" -f -a "cas" -d 'Writes a key if nobody changed it'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and not __fish_seen_subcommand_from cas delete export get import put" -f -a "delete" -d 'Deletes a key, or all keys under a prefix'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and not __fish_seen_subcommand_from cas delete export get import put" -f -a "export" -d 'Prints all keys under a prefix as JSON'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and not __fish_seen_subcommand_from cas delete export get import put" -f -a "get" -d 'Reads a key, or lists keys'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and not __fish_seen_subcommand_from cas delete export get import put" -f -a "import" -d 'Writes the keys of an export'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and not __fish_seen_subcommand_from cas delete export get import put" -f -a "put" -d 'Writes a key'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l flags -d 'A number that is stored with the key' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from cas" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l modify-index -d 'The index for -cas' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l confirm -d 'The word that would have to be typed, for example the name; nothing is asked then.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l cas -d 'Delete only if the key\'s ModifyIndex is still -modify-index'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l dry-run -d 'Print which keys would be deleted, and delete none'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l recurse -d 'Delete all keys that start with the prefix'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l yes -d 'Do not ask a person at a terminal before deleting a prefix'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -l no-input -d 'Ask nothing: where a person would be asked, fail, unless -yes or -confirm is given.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l format -d 'What to print: text or json. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l separator -d 'Where -keys cuts names' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l format -d 'What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table of those columns. Also -o' -r -f -a "text\t''
wide\t''
json\t''
yaml\t''
csv\t''
name\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l base64 -d 'Print values in base64'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l detailed -d 'Print flags, indexes and the lock as well'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l keys -d 'Print the names of the keys that start with the prefix, up to the next separator'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l recurse -d 'Print all keys that start with the prefix, with their values'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l no-headers -d 'Leave out the names of the columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l watch -d 'Go on and show every change, until interrupted'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l prefix -d 'Put this prefix before every key' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l dry-run -d 'Print which keys would be written, and write none'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l flags -d 'A number that is stored with the key, for the programs that read it' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l modify-index -d 'The index for -cas' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l session -d 'The session for -acquire and -release' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l acquire -d 'Take the lock on the key for -session; fails if another session holds it'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l base64 -d 'DATA is base64 and is decoded before it is stored'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l cas -d 'Write only if the key\'s ModifyIndex is still -modify-index'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l dry-run -d 'Say what would be written, and write nothing'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l release -d 'Give back the lock that -session holds on the key'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand kv; and __fish_seen_subcommand_from put" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand leave" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l monitor-retry -d 'How often to ask again, a second apart, when the servers fail while the lock is held, before it counts as lost; 0 for never. Default 3' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l n -d 'How many may hold it at once. Default 1' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l name -d 'Name of the lock\'s session; made from the child\'s command by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l shell -d 'Run the child through a shell, SHELL or /bin/sh' -r -f -a "true\t''
false\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l timeout -d 'How long to wait for the lock, such as 1s or 3h; for ever by default. Also -try' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l child-exit-code -d 'Exit with 2 if the child fails; otherwise its failure is only told'
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l pass-stdin -d 'Give the child this command\'s standard input'
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l verbose -d 'Tell what is done'
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand lock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l reason -d 'Why, for those who find it later' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l service -d 'Only the service with this id, instead of the whole node' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l format -d 'What to print: text, json or yaml. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'
yaml\t'YAML'"
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l enable -d 'Enter maintenance'
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l disable -d 'Leave maintenance'
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand maint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l status -d 'Only members whose status (alive, leaving, left, failed) matches this regular expression' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l segment -d 'Only members of this segment; Consul Enterprise only' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l filter -d 'Only members for which this expression holds, for example \'Tags.role == "node"\'' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l role -d 'Only members with this role' -r -f -a "server\t'Takes part in consensus, or is to'
client\t'All other agents'"
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l dc -d 'Only members of this datacenter; for -wan' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l sort -d 'Sort by this column instead, for example name or rtt; with a dash in front, downwards' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l format -d 'What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table of those columns. Also -o' -r -f -a "text\t''
wide\t''
json\t''
yaml\t''
csv\t''
name\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l detailed -d 'Show every member\'s tags instead of the usual columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l wan -d 'List the servers of all datacenters (the WAN pool) instead of this datacenter\'s members'
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l no-headers -d 'Leave out the names of the columns'
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l watch -d 'Go on and show every change, until interrupted'
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand members" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l log-level -d 'Least important level to show: trace, debug, info, warn or err' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l grep -d 'Only lines that match this regular expression' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l log-json -d 'Print JSON, one object a line'
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l reconnect -d 'Start the stream again when the agent ends it; the default where standard output is a terminal'
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l no-reconnect -d 'Fail when the agent ends the stream, at a terminal too'
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand monitor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and not __fish_seen_subcommand_from autopilot raft" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and not __fish_seen_subcommand_from autopilot raft" -f -a "autopilot" -d 'Shows how well the servers are, and how dead ones are cleaned up'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and not __fish_seen_subcommand_from autopilot raft" -f -a "raft" -d 'Shows and changes which servers take part in consensus'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from autopilot" -s h -l help -d 'Print help'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from autopilot" -f -a "get-config" -d 'Shows the autopilot configuration'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from autopilot" -f -a "set-config" -d 'Changes the autopilot configuration'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from autopilot" -f -a "state" -d 'Shows how well the servers are'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from raft" -s h -l help -d 'Print help'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from raft" -f -a "list-peers" -d 'Lists the servers of the raft configuration'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from raft" -f -a "remove-peer" -d 'Removes a server from the raft configuration'
complete -c consulctl -n "__fish_consulctl_using_subcommand operator; and __fish_seen_subcommand_from raft" -f -a "transfer-leader" -d 'Hands the leadership to another server'
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l format -d 'What to print: text, json or yaml. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'
yaml\t'YAML'"
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l wan -d 'Estimate between servers in the WAN pool; names are NODE.DATACENTER'
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand rtt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and not __fish_seen_subcommand_from deregister register" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and not __fish_seen_subcommand_from deregister register" -f -a "deregister" -d 'Removes services from the agent'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and not __fish_seen_subcommand_from deregister register" -f -a "register" -d 'Registers services with the agent'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l id -d 'Id of the service' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from deregister" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l address -d 'Address of the service; the node\'s when not given' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l id -d 'Id of the service on this agent; the name when not given' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l kind -d 'Kind of proxy or gateway, for services that are one' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l meta -d 'Metadata of the service; may be given several times' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l name -d 'Name of the service' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l port -d 'Port of the service' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l socket -d 'Unix socket of the service, instead of address and port' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l tag -d 'Tag of the service; may be given several times' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l tagged-address -d 'Further address, such as lan=10.0.0.5:80; may be given several times' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l namespace -d 'Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand services; and __fish_seen_subcommand_from register" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and not __fish_seen_subcommand_from inspect restore save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and not __fish_seen_subcommand_from inspect restore save" -f -a "inspect" -d 'Shows what a snapshot file holds'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and not __fish_seen_subcommand_from inspect restore save" -f -a "restore" -d 'Replaces the servers\' state with a snapshot'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and not __fish_seen_subcommand_from inspect restore save" -f -a "save" -d 'Saves a snapshot of the servers\' state'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from inspect" -l format -d 'What to print: text or json. Also -o' -r -f -a "text\t'Consul\'s text, for people'
json\t'JSON, for programs'"
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from inspect" -l kvdepth -d 'Parts of a key, between slashes, that -kvdetails tells apart' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from inspect" -l kvfilter -d 'Beginning of the keys that -kvdetails shows' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from inspect" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from inspect" -l kvdetails -d 'Show which keys take how much room'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand snapshot; and __fish_seen_subcommand_from save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l screenshot -d 'Write the overview to a file and end: FILE.txt, FILE.ansi (with colours) or FILE.svg. As wide as -width says, by default 120 columns' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l width -d 'Columns of the text that -once prints, at least 20. Default the variable COLUMNS, or 80' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l theme -d 'Colours: ansi, deuteranopia or mono. NO_COLOR means mono' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l interval -d 'Milliseconds between two questions to the agent, at least 500. Default 1000' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l format -d 'What to print: text or json; with -check also nagios, which is what text is there, or prometheus. Also -o' -r -f -a "text\t'For people'
json\t'For programs'
nagios\t'The line for Nagios, as text is with `-check`'
prometheus\t'For Prometheus\' text file collector'"
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l once -d 'Print the picture once and end'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l check -d 'Print one line for Nagios and end with its codes: 0 all is well, 1 warning, 2 critical, 3 unknown'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l print-config -d 'Print what can stand in the configuration file about top, with the defaults, and end'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l write -d 'Let keys change something: `a` shows what can be done to a row. Without this flag nothing can be changed'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l mouse -d 'Let the mouse do something: the wheel moves, a click selects a row, sorts by a column or opens a view. `m` turns it on and off. Shift-drag selects text meanwhile'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l ascii -d 'Use no other symbols than those of ASCII. Default where the locale is not UTF-8'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l key -d 'The key, for the type key' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l name -d 'The event\'s name, for the type event' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l passingonly -d 'Only healthy instances, for the type service: true or false' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l prefix -d 'The prefix, for the type keyprefix' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l service -d 'The service, for the types service and checks' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l shell -d 'Run the child through a shell, SHELL or /bin/sh' -r -f -a "true\t''
false\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l state -d 'Only checks in this state, for the type checks' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l tag -d 'Only instances with this tag, for the type service; may be given several times' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l type -d 'What to watch: key, keyprefix, services, nodes, service, checks or event' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l http-addr -d 'Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l token -d 'ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its own default token' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l token-file -d 'File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token it does not show in the list of processes' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l ca-file -d 'File of authorities that may have signed the agent\'s certificate; also CONSUL_CACERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l ca-path -d 'Folder of authorities that may have signed the agent\'s certificate; also CONSUL_CAPATH' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l client-cert -d 'Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l client-key -d 'Key of the own certificate; also CONSUL_CLIENT_KEY' -r -F
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l tls-server-name -d 'Name to expect in the agent\'s certificate; also CONSUL_TLS_SERVER_NAME' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l datacenter -d 'Datacenter to ask; the agent\'s own by default' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l color -d 'Whether to colour what is printed; auto colours terminals only.' -r -f -a "auto\t''
always\t''
never\t''"
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l context -d 'Context of the user\'s config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l confirm-context -d 'Go on although the context of this name is read-only.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l timeout -d 'How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.' -r
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l stale -d 'Let any server answer, not only the leader. Works without a leader; the answer may be old. Has no effect on writes'
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l quiet -d 'Print neither hints nor progress, only data, errors and questions.'
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -l v -d 'Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown.'
complete -c consulctl -n "__fish_consulctl_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
