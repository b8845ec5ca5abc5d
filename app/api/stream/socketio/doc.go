// Package socketio is the library that speaks Socket.IO (zishang520/socket.io), behind one type: nothing else knows
// it. It keeps the protocols (Engine.IO 4 by polling and WebSocket, Socket.IO 5 with acknowledgements). What it
// does not keep stands here: how much may wait for a client and from it (conn.go), that a connection which ended or
// is slow is let go, and that its goroutines reach no response that serves another request (answer.go).
//
// What would replace it: a handler of Engine.IO 4 (handshake, polling with payloads of several packets, the upgrade
// to WebSocket, pings) with Socket.IO 5's main namespace on it (connect, event, ack, disconnect; no binary). That is about as long
// as this package, and would take quic-go and webtransport out of the binary. It would have to pass the tests of
// app/socketio_test.go and app/socketiolife_test.go, which run socket.io-client itself. The other libraries in Go speak
// Engine.IO 3 or bring more along.
//
// Begin with server.go.
package socketio
