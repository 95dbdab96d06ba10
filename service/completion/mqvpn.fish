# fish completion of mqvpn, made by `mqvpn completion fish`. Put it into ~/.config/fish/completions/mqvpn.fish
function __mqvpn_interfaces; command ls /sys/class/net 2>/dev/null; end
function __mqvpn_clients; for file in /etc/mqvpn/*.conf; basename $file .conf; end; end

complete -c mqvpn -f
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'server' -d 'take clients and carry their packets'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'client' -d 'connect to a server'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'genkey' -d 'generate a random key: 32 bytes, base64'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'status' -d 'show what a running client or server does'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'user' -d 'list, add or remove users of a running server'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'config' -d 'check a configuration file, or show what is in force'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'up' -d 'start a client in the background, and wait until it is connected'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'down' -d 'end a client in the background, and wait until it is gone'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'doctor' -d 'look at this machine for what is in the way of a VPN'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -a 'completion' -d 'print the completion script of a shell: bash, zsh or fish'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -s V -l version -d 'show the version'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l config -d 'config file, INI or JSON (flags override it)' -r -F
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l no-config -d 'leave out the default file (/etc/mqvpn/SIDE.conf)'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l mode -d 'operating mode (default: from what is configured)' -x -a 'client server'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l genkey -d 'generate a random key and exit'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l tun-name -d 'TUN device name (default: mqvpn0)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l scheduler -d 'multipath scheduler (default: wlb)' -x -a 'minrtt wlb'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l no-duplicate -d 'do not send the packets of small flows (calls, terminals) over two paths at once'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l cc -d 'congestion control (default: bbr; none is for experiments)' -x -a 'bbr cubic none'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l mtu -d 'TUN MTU, 1280 to 9000 (default: 0, follow the path MTU)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l auth-key -d 'pre-shared key (better: --auth-key-file, or MQVPN_AUTH_KEY in the environment)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l auth-key-file -d 'file that holds the pre-shared key' -r -F
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l log-level -d 'debug, info, warn or error (default: info)' -x -a 'debug info warn error'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l log-format -d 'log lines for people or for programs (default: text)' -x -a 'text json'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l control -d 'control socket (default: /run/mqvpn/NAME.sock)' -r -F
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l state-dir -d 'generated certificate, session tickets (default: /var/lib/mqvpn)' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l metrics -d 'serve metrics for Prometheus: PORT (of loopback), ADDR:PORT or unix:PATH (default: none)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l key-log -d 'write TLS secrets, for wireshark (also: SSLKEYLOGFILE)' -r -F
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l qlog -d 'write qlog traces into this folder' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l server -d 'server: a name, IPv4 or [IPv6] address; the port may be left out (443)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l path -d 'network interface to use, up to 8 (repeatable; default: what the routes say); :backup only when no other works' -x -a '(__mqvpn_interfaces)'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l multipath-draft -d 'draft of Multipath QUIC to offer; 10 is for servers of mqvpn 0.1 (default: 21)' -x -a '21 10'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l pin -d 'trust exactly the certificate with this hash, which the server prints' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l ca -d 'trust these authorities instead of those of the system (PEM)' -r -F
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l tls-server-name -d 'name in the certificate (default: the host of --server)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l insecure -d 'accept any certificate (testing only)'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l dns -d 'DNS server (repeatable, max 4)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l no-manage-routes -d 'leave the routing table alone'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l allowed-ips -d 'send only this through the tunnel (repeatable; default: all that the server carries)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l exclude -d 'send this past the tunnel (repeatable)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l kill-switch -d 'let nothing out but through the tunnel; always: after the end too, until `mqvpn recover` (default: off)' -x -a 'off on always'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l no-reconnect -d 'end when the connection is lost'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l reconnect-interval -d 'seconds until the first new try, at most; doubles with each (default: 0.5, then up to 30)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l listen -d 'listen address (default: 0.0.0.0:443)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l subnet -d 'client IP pool (default: 10.0.0.0/24)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l subnet6 -d 'client IPv6 pool, such as fd00::/112 (default: none)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l cert -d 'TLS certificate file, PEM (default: a self-signed one is made)' -r -F
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l key -d 'TLS private key file, PEM' -r -F
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l user -d 'a key of its own for a client, or NAME:sha256:HEX of it (repeatable)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l user-address -d 'always give this user this address of the pool (repeatable)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l user-allowed-ips -d 'network behind this user: routed to it, and it may send from there (repeatable)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l max-clients -d 'max concurrent clients (default: 64)' -x
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l no-client-to-client -d 'let clients reach the server and what is behind it, but not each other'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -l no-nat -d 'neither translate addresses nor switch forwarding on'
complete -c mqvpn -n 'not __fish_seen_subcommand_from server client genkey status user config up down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l config -d 'config file, INI or JSON (flags override it)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l no-config -d 'leave out the default file (/etc/mqvpn/SIDE.conf)'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l tun-name -d 'TUN device name (default: mqvpn0)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l scheduler -d 'multipath scheduler (default: wlb)' -x -a 'minrtt wlb'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l no-duplicate -d 'do not send the packets of small flows (calls, terminals) over two paths at once'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l cc -d 'congestion control (default: bbr; none is for experiments)' -x -a 'bbr cubic none'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l mtu -d 'TUN MTU, 1280 to 9000 (default: 0, follow the path MTU)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l auth-key -d 'pre-shared key (better: --auth-key-file, or MQVPN_AUTH_KEY in the environment)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l auth-key-file -d 'file that holds the pre-shared key' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l log-level -d 'debug, info, warn or error (default: info)' -x -a 'debug info warn error'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l log-format -d 'log lines for people or for programs (default: text)' -x -a 'text json'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l control -d 'control socket (default: /run/mqvpn/NAME.sock)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l state-dir -d 'generated certificate, session tickets (default: /var/lib/mqvpn)' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l metrics -d 'serve metrics for Prometheus: PORT (of loopback), ADDR:PORT or unix:PATH (default: none)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l key-log -d 'write TLS secrets, for wireshark (also: SSLKEYLOGFILE)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l qlog -d 'write qlog traces into this folder' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l listen -d 'listen address (default: 0.0.0.0:443)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l subnet -d 'client IP pool (default: 10.0.0.0/24)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l subnet6 -d 'client IPv6 pool, such as fd00::/112 (default: none)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l cert -d 'TLS certificate file, PEM (default: a self-signed one is made)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l key -d 'TLS private key file, PEM' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l user -d 'a key of its own for a client, or NAME:sha256:HEX of it (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l user-address -d 'always give this user this address of the pool (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l user-allowed-ips -d 'network behind this user: routed to it, and it may send from there (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l max-clients -d 'max concurrent clients (default: 64)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l no-client-to-client -d 'let clients reach the server and what is behind it, but not each other'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -l no-nat -d 'neither translate addresses nor switch forwarding on'
complete -c mqvpn -n '__fish_seen_subcommand_from server; and not __fish_seen_subcommand_from client genkey status user config up down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l config -d 'config file, INI or JSON (flags override it)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l no-config -d 'leave out the default file (/etc/mqvpn/SIDE.conf)'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l tun-name -d 'TUN device name (default: mqvpn0)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l scheduler -d 'multipath scheduler (default: wlb)' -x -a 'minrtt wlb'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l no-duplicate -d 'do not send the packets of small flows (calls, terminals) over two paths at once'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l cc -d 'congestion control (default: bbr; none is for experiments)' -x -a 'bbr cubic none'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l mtu -d 'TUN MTU, 1280 to 9000 (default: 0, follow the path MTU)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l auth-key -d 'pre-shared key (better: --auth-key-file, or MQVPN_AUTH_KEY in the environment)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l auth-key-file -d 'file that holds the pre-shared key' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l log-level -d 'debug, info, warn or error (default: info)' -x -a 'debug info warn error'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l log-format -d 'log lines for people or for programs (default: text)' -x -a 'text json'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l control -d 'control socket (default: /run/mqvpn/NAME.sock)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l state-dir -d 'generated certificate, session tickets (default: /var/lib/mqvpn)' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l metrics -d 'serve metrics for Prometheus: PORT (of loopback), ADDR:PORT or unix:PATH (default: none)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l key-log -d 'write TLS secrets, for wireshark (also: SSLKEYLOGFILE)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l qlog -d 'write qlog traces into this folder' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l server -d 'server: a name, IPv4 or [IPv6] address; the port may be left out (443)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l path -d 'network interface to use, up to 8 (repeatable; default: what the routes say); :backup only when no other works' -x -a '(__mqvpn_interfaces)'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l multipath-draft -d 'draft of Multipath QUIC to offer; 10 is for servers of mqvpn 0.1 (default: 21)' -x -a '21 10'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l pin -d 'trust exactly the certificate with this hash, which the server prints' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l ca -d 'trust these authorities instead of those of the system (PEM)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l tls-server-name -d 'name in the certificate (default: the host of --server)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l insecure -d 'accept any certificate (testing only)'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l dns -d 'DNS server (repeatable, max 4)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l no-manage-routes -d 'leave the routing table alone'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l allowed-ips -d 'send only this through the tunnel (repeatable; default: all that the server carries)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l exclude -d 'send this past the tunnel (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l kill-switch -d 'let nothing out but through the tunnel; always: after the end too, until `mqvpn recover` (default: off)' -x -a 'off on always'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l no-reconnect -d 'end when the connection is lost'
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -l reconnect-interval -d 'seconds until the first new try, at most; doubles with each (default: 0.5, then up to 30)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from client; and not __fish_seen_subcommand_from server genkey status user config up down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from genkey; and not __fish_seen_subcommand_from server client status user config up down doctor completion' -l hash -d 'and its hash in a second line, for User = NAME:sha256:HEX of a server'
complete -c mqvpn -n '__fish_seen_subcommand_from genkey; and not __fish_seen_subcommand_from server client status user config up down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from status; and not __fish_seen_subcommand_from server client genkey user config up down doctor completion' -l json -d 'everything, as JSON'
complete -c mqvpn -n '__fish_seen_subcommand_from status; and not __fish_seen_subcommand_from server client genkey user config up down doctor completion' -l watch -d 'refresh every second until interrupted'
complete -c mqvpn -n '__fish_seen_subcommand_from status; and not __fish_seen_subcommand_from server client genkey user config up down doctor completion' -l name -d 'TUN device name (default: mqvpn0, or the only one that runs)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from status; and not __fish_seen_subcommand_from server client genkey user config up down doctor completion' -l control -d 'control socket, when it was started with --control' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from status; and not __fish_seen_subcommand_from server client genkey user config up down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and not __fish_seen_subcommand_from list add remove; and not __fish_seen_subcommand_from server client genkey status config up down doctor completion' -a 'list' -d 'show who may connect'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and not __fish_seen_subcommand_from list add remove; and not __fish_seen_subcommand_from server client genkey status config up down doctor completion' -a 'add' -d 'let somebody connect, or change a user; connections of a former key are cut'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and not __fish_seen_subcommand_from list add remove; and not __fish_seen_subcommand_from server client genkey status config up down doctor completion' -a 'remove' -d 'let somebody connect no longer, and cut the connections'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and not __fish_seen_subcommand_from list add remove; and not __fish_seen_subcommand_from server client genkey status config up down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from list' -l name -d 'TUN device name (default: mqvpn0, or the only one that runs)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from list' -l control -d 'control socket, when it was started with --control' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from list' -l json -d 'as JSON'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from list' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from add'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from add' -l name -d 'TUN device name (default: mqvpn0, or the only one that runs)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from add' -l control -d 'control socket, when it was started with --control' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from add' -l address -d 'always give it this address of the pool (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from add' -l allowed-ips -d 'network behind it (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from add' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from remove'
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from remove' -l name -d 'TUN device name (default: mqvpn0, or the only one that runs)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from remove' -l control -d 'control socket, when it was started with --control' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from user; and __fish_seen_subcommand_from remove' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from check show; and not __fish_seen_subcommand_from server client genkey status user up down doctor completion' -a 'check' -d 'tell everything that is wrong with a configuration file; nothing is started'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from check show; and not __fish_seen_subcommand_from server client genkey status user up down doctor completion' -a 'show' -d 'show every setting in force and where it comes from; keys are hidden'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from check show; and not __fish_seen_subcommand_from server client genkey status user up down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from check' -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from check' -l mode -d 'operating mode (default: from what is configured)' -x -a 'client server'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from check' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l config -d 'config file, INI or JSON (flags override it)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l no-config -d 'leave out the default file (/etc/mqvpn/SIDE.conf)'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l mode -d 'operating mode (default: from what is configured)' -x -a 'client server'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l json -d 'as a JSON configuration file with the same settings'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l with-secrets -d 'show keys, too'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l tun-name -d 'TUN device name (default: mqvpn0)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l scheduler -d 'multipath scheduler (default: wlb)' -x -a 'minrtt wlb'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l no-duplicate -d 'do not send the packets of small flows (calls, terminals) over two paths at once'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l cc -d 'congestion control (default: bbr; none is for experiments)' -x -a 'bbr cubic none'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l mtu -d 'TUN MTU, 1280 to 9000 (default: 0, follow the path MTU)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l auth-key -d 'pre-shared key (better: --auth-key-file, or MQVPN_AUTH_KEY in the environment)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l auth-key-file -d 'file that holds the pre-shared key' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l log-level -d 'debug, info, warn or error (default: info)' -x -a 'debug info warn error'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l log-format -d 'log lines for people or for programs (default: text)' -x -a 'text json'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l control -d 'control socket (default: /run/mqvpn/NAME.sock)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l state-dir -d 'generated certificate, session tickets (default: /var/lib/mqvpn)' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l metrics -d 'serve metrics for Prometheus: PORT (of loopback), ADDR:PORT or unix:PATH (default: none)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l key-log -d 'write TLS secrets, for wireshark (also: SSLKEYLOGFILE)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l qlog -d 'write qlog traces into this folder' -x -a '(__fish_complete_directories)'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l server -d 'server: a name, IPv4 or [IPv6] address; the port may be left out (443)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l path -d 'network interface to use, up to 8 (repeatable; default: what the routes say); :backup only when no other works' -x -a '(__mqvpn_interfaces)'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l multipath-draft -d 'draft of Multipath QUIC to offer; 10 is for servers of mqvpn 0.1 (default: 21)' -x -a '21 10'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l pin -d 'trust exactly the certificate with this hash, which the server prints' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l ca -d 'trust these authorities instead of those of the system (PEM)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l tls-server-name -d 'name in the certificate (default: the host of --server)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l insecure -d 'accept any certificate (testing only)'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l dns -d 'DNS server (repeatable, max 4)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l no-manage-routes -d 'leave the routing table alone'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l allowed-ips -d 'send only this through the tunnel (repeatable; default: all that the server carries)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l exclude -d 'send this past the tunnel (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l kill-switch -d 'let nothing out but through the tunnel; always: after the end too, until `mqvpn recover` (default: off)' -x -a 'off on always'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l no-reconnect -d 'end when the connection is lost'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l reconnect-interval -d 'seconds until the first new try, at most; doubles with each (default: 0.5, then up to 30)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l listen -d 'listen address (default: 0.0.0.0:443)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l subnet -d 'client IP pool (default: 10.0.0.0/24)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l subnet6 -d 'client IPv6 pool, such as fd00::/112 (default: none)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l cert -d 'TLS certificate file, PEM (default: a self-signed one is made)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l key -d 'TLS private key file, PEM' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l user -d 'a key of its own for a client, or NAME:sha256:HEX of it (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l user-address -d 'always give this user this address of the pool (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l user-allowed-ips -d 'network behind this user: routed to it, and it may send from there (repeatable)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l max-clients -d 'max concurrent clients (default: 64)' -x
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l no-client-to-client -d 'let clients reach the server and what is behind it, but not each other'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l no-nat -d 'neither translate addresses nor switch forwarding on'
complete -c mqvpn -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from up; and not __fish_seen_subcommand_from server client genkey status user config down doctor completion' -a '(__mqvpn_clients)'
complete -c mqvpn -n '__fish_seen_subcommand_from up; and not __fish_seen_subcommand_from server client genkey status user config down doctor completion' -l wait -d 'how long to wait (default: 30); it goes on trying after that' -x
complete -c mqvpn -n '__fish_seen_subcommand_from up; and not __fish_seen_subcommand_from server client genkey status user config down doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from down; and not __fish_seen_subcommand_from server client genkey status user config up doctor completion' -a '(__mqvpn_clients)'
complete -c mqvpn -n '__fish_seen_subcommand_from down; and not __fish_seen_subcommand_from server client genkey status user config up doctor completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from doctor; and not __fish_seen_subcommand_from server client genkey status user config up down completion' -l config -d 'look at what this configuration needs (default: all in /etc/mqvpn)' -r -F
complete -c mqvpn -n '__fish_seen_subcommand_from doctor; and not __fish_seen_subcommand_from server client genkey status user config up down completion' -l json -d 'as JSON'
complete -c mqvpn -n '__fish_seen_subcommand_from doctor; and not __fish_seen_subcommand_from server client genkey status user config up down completion' -s h -l help -d 'show help'
complete -c mqvpn -n '__fish_seen_subcommand_from completion; and not __fish_seen_subcommand_from server client genkey status user config up down doctor' -a 'bash zsh fish'
complete -c mqvpn -n '__fish_seen_subcommand_from completion; and not __fish_seen_subcommand_from server client genkey status user config up down doctor' -s h -l help -d 'show help'
