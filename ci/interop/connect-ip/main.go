// An independent CONNECT-IP peer for tests, on quic-go's connect-ip-go.
//
//	connect-ip server -listen ADDR:PORT -cert FILE -key FILE
//	    assigns 10.77.0.2/32 and fd77::2/128, advertises everything, and answers each ping that comes through the tunnel
//	connect-ip client -connect ADDR:PORT -bearer KEY -ping ADDR [-count N]
//	    asks for addresses, pings ADDR through the tunnel, and says how many answers came
//
// What happens is said as JSON lines on stdout. Exit 0: as it should be; 1: not.
package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	connectip "github.com/quic-go/connect-ip-go"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/yosida95/uritemplate/v3"
)

const path = "/.well-known/masque/ip/*/*/"

func say(event string, fields map[string]any) {
	fields["event"] = event
	line, _ := json.Marshal(fields)
	fmt.Println(string(line))
}

func fail(err error) {
	say("error", map[string]any{"error": err.Error()})
	os.Exit(1)
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: connect-ip server|client …"))
	}
	role := os.Args[1]
	flags := flag.NewFlagSet(role, flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "server: where to listen")
	cert := flags.String("cert", "", "server: certificate, PEM")
	key := flags.String("key", "", "server: its key, PEM")
	connect := flags.String("connect", "", "client: the proxy")
	bearer := flags.String("bearer", "", "client: the key of the authorization header")
	target := flags.String("ping", "", "client: whom to ping through the tunnel")
	count := flags.Int("count", 5, "client: how many pings")
	_ = flags.Parse(os.Args[2:])
	switch role {
	case "server":
		serve(*listen, *cert, *key)
	case "client":
		dial(*connect, *bearer, *target, *count)
	default:
		fail(fmt.Errorf("unknown role %q", role))
	}
}

func everything() []connectip.IPRoute {
	return []connectip.IPRoute{
		{StartIP: netip.MustParseAddr("0.0.0.0"), EndIP: netip.MustParseAddr("255.255.255.255")},
		{StartIP: netip.MustParseAddr("::"), EndIP: netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")},
	}
}

func serve(listen, certFile, keyFile string) {
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		fail(err)
	}
	address, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		fail(err)
	}
	socket, err := net.ListenUDP("udp", address)
	if err != nil {
		fail(err)
	}
	template := uritemplate.MustNew("https://" + socket.LocalAddr().String() + path)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		say("request", map[string]any{"method": r.Method, "proto": r.Proto, "path": r.URL.Path,
			"capsule": r.Header.Get("Capsule-Protocol"), "authorization": r.Header.Get("Authorization") != ""})
		request, err := connectip.ParseProxyRequest(r, template)
		if err != nil {
			say("refused", map[string]any{"error": err.Error()})
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		conn, err := (&connectip.Proxy{}).Proxy(w, request)
		if err != nil {
			fail(err)
		}
		go answerRequests(conn)
		if err := conn.AssignAddresses([]netip.Prefix{netip.MustParsePrefix("10.77.0.2/32"), netip.MustParsePrefix("fd77::2/128")}); err != nil {
			fail(err)
		}
		if err := conn.AdvertiseRoute(everything()); err != nil {
			fail(err)
		}
		echo(conn)
	})
	server := http3.Server{
		Handler:         mux,
		EnableDatagrams: true,
		TLSConfig:       http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate}}),
		QUICConfig:      &quic.Config{EnableDatagrams: true},
	}
	say("listening", map[string]any{"address": socket.LocalAddr().String()})
	fail(server.Serve(socket))
}

func answerRequests(conn *connectip.Conn) {
	for {
		request, err := conn.ReceiveAddressRequest(context.Background())
		if err != nil {
			return
		}
		say("address-request", map[string]any{"request": fmt.Sprintf("%v", request)})
		if err := request.Respond([]netip.Prefix{netip.MustParsePrefix("10.77.0.2/32"), netip.MustParsePrefix("fd77::2/128")}, nil); err != nil {
			say("address-request-failed", map[string]any{"error": err.Error()})
		}
	}
}

// Answers pings for any address.
func echo(conn *connectip.Conn) {
	buffer := make([]byte, 65535)
	answered := 0
	for {
		n, err := conn.ReadPacket(buffer)
		if err != nil {
			say("closed", map[string]any{"answered": answered, "error": err.Error()})
			return
		}
		if reply := echoReply(buffer[:n]); reply != nil {
			if _, err := conn.WritePacket(reply); err != nil {
				say("write-failed", map[string]any{"error": err.Error()})
				continue
			}
			answered++
			if answered == 1 {
				say("answered", map[string]any{"size": n})
			}
		}
	}
}

func dial(to, bearer, target string, count int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request, err := connectip.NewRequest(ctx, uritemplate.MustNew("https://"+to+path))
	if err != nil {
		fail(err)
	}
	if bearer != "" {
		request.Header().Set("Authorization", "Bearer "+bearer)
	}
	transport := &connectip.Transport{
		// The test makes the certificate itself; what is tested here is CONNECT-IP.
		TLSClientConfig: &tls.Config{NextProtos: []string{http3.NextProtoH3}, InsecureSkipVerify: true},
		QUICConfig:      &quic.Config{EnableDatagrams: true},
	}
	conn, response, err := transport.Dial(request)
	if response != nil {
		say("response", map[string]any{"status": response.StatusCode})
	}
	if err != nil {
		fail(err)
	}
	if _, err := conn.RequestAddresses([]netip.Prefix{netip.MustParsePrefix("0.0.0.0/32")}); err != nil {
		fail(err)
	}
	assigned, err := conn.ReceiveAddressAssignment(ctx)
	if err != nil {
		fail(err)
	}
	var source netip.Addr
	list := []string{}
	for _, one := range assigned {
		list = append(list, one.IPPrefix.String())
		if one.IPPrefix.Addr().Is4() && !one.Rejected() {
			source = one.IPPrefix.Addr()
		}
	}
	routes, err := conn.Routes(ctx)
	if err != nil {
		fail(err)
	}
	say("assigned", map[string]any{"addresses": list, "routes": len(routes)})
	destination := netip.MustParseAddr(target)
	answers := make(chan uint16, count)
	go func() {
		buffer := make([]byte, 65535)
		for {
			n, err := conn.ReadPacket(buffer)
			if err != nil {
				return
			}
			if n >= 28 && buffer[0]>>4 == 4 && buffer[9] == 1 && buffer[20] == 0 {
				answers <- binary.BigEndian.Uint16(buffer[26:28])
			}
		}
	}()
	got := 0
	for i := 0; i < count; i++ {
		if _, err := conn.WritePacket(ping(source, destination, uint16(i))); err != nil {
			fail(err)
		}
		select {
		case <-answers:
			got++
		case <-time.After(2 * time.Second):
		}
	}
	say("pinged", map[string]any{"sent": count, "received": got})
	_ = conn.Close()
	if got != count {
		os.Exit(1)
	}
}

func checksum(data []byte, sum uint32) uint16 {
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	if len(data)%2 == 1 {
		sum += uint32(data[len(data)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func ping(from, to netip.Addr, sequence uint16) []byte {
	packet := make([]byte, 20+8+56)
	packet[0] = 0x45
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	packet[8], packet[9] = 64, 1
	copy(packet[12:16], from.AsSlice())
	copy(packet[16:20], to.AsSlice())
	binary.BigEndian.PutUint16(packet[10:], checksum(packet[:20], 0))
	packet[20] = 8
	binary.BigEndian.PutUint16(packet[24:], 0x7777)
	binary.BigEndian.PutUint16(packet[26:], sequence)
	binary.BigEndian.PutUint16(packet[22:], checksum(packet[20:], 0))
	return packet
}

func echoReply(packet []byte) []byte {
	switch {
	case len(packet) >= 28 && packet[0] == 0x45 && packet[9] == 1 && packet[20] == 8:
		reply := append([]byte(nil), packet...)
		copy(reply[12:16], packet[16:20])
		copy(reply[16:20], packet[12:16])
		reply[8], reply[10], reply[11] = 64, 0, 0
		binary.BigEndian.PutUint16(reply[10:], checksum(reply[:20], 0))
		reply[20], reply[22], reply[23] = 0, 0, 0
		binary.BigEndian.PutUint16(reply[22:], checksum(reply[20:], 0))
		return reply
	case len(packet) >= 48 && packet[0]>>4 == 6 && packet[6] == 58 && packet[40] == 128:
		reply := append([]byte(nil), packet...)
		copy(reply[8:24], packet[24:40])
		copy(reply[24:40], packet[8:24])
		reply[7] = 64
		reply[40], reply[42], reply[43] = 129, 0, 0
		var pseudo uint32
		for i := 8; i < 40; i += 2 {
			pseudo += uint32(binary.BigEndian.Uint16(reply[i:]))
		}
		pseudo += uint32(len(reply)-40) + 58
		binary.BigEndian.PutUint16(reply[42:], checksum(reply[40:], pseudo))
		return reply
	}
	return nil
}
