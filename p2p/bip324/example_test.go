package bip324_test

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"

	"github.com/cairn-chain/cairn/p2p/bip324"
)

// Two ends shake hands, and one sends the other a packet.
func Example() {
	const magic = 0xd9b4bef9
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	read := make(chan string)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			read <- err.Error()
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		s, err := bip324.Respond(conn, r, magic, rand.Reader)
		if err != nil {
			read <- err.Error()
			return
		}
		packet := make([]byte, len("hello")+bip324.Overhead)
		if _, err := io.ReadFull(r, packet); err != nil {
			read <- err.Error()
			return
		}
		n := s.Receive.Length(packet)
		contents, _, err := s.Receive.Open(packet[bip324.LengthSize:], nil)
		read <- fmt.Sprintf("%d bytes: %q, %v", n, contents, err)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	s, err := bip324.Initiate(conn, bufio.NewReader(conn), magic, rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := conn.Write(s.Send.Append(nil, []byte("hello"), nil, false)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(<-read)
	// Output: 5 bytes: "hello", <nil>
}
