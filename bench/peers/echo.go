// An echo with Go's net package, in the form that allocates nothing per packet.
//
//	echo PORT        on 127.0.0.1; prints one line when it listens; ends with SIGTERM
package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: echo PORT")
		os.Exit(2)
	}
	local, err := netip.ParseAddrPort("127.0.0.1:" + os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(local))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	socket.SetReadBuffer(2 << 20)
	socket.SetWriteBuffer(2 << 20)
	fmt.Println("echo listening on", os.Args[1])

	packet := make([]byte, 2048)
	for {
		length, source, err := socket.ReadFromUDPAddrPort(packet)
		if err == nil {
			socket.WriteToUDPAddrPort(packet[:length], source)
		}
	}
}
