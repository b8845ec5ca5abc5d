// Package socketio serves clients of Socket.IO: the protocols Engine.IO 4 and Socket.IO 5, over
// long-polling, WebSocket, and the change from the one to the other. Its facts come from the protocol
// pages of both (socket.io/docs/v4/engine-io-protocol and socket-io-protocol) and from what
// socket.io-client 4 does.
//
// What it carries is what a stream of events needs: the main namespace, events in both directions,
// acknowledgements of the client's. What it does not: binary packets and other namespaces, which are
// refused; asking the client for acknowledgements; resuming a connection, as whoever uses it resumes by
// its own events' numbers; WebTransport.
//
// A connection (Conn) has one line of packets that wait for the client, whose room is bounded: Send
// waits for room, and gives a client up that takes nothing. What a client sends is worked on one by one,
// and it is cut when it wants more at once than anybody would. Nothing outlives Server.Close.
package socketio
