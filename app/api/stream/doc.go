// Package stream brings events to clients that stay: over WebSocket, Socket.IO and Server-Sent Events, and page by
// page from the event log.
//
// A stream holds no events for its client. Its subscription (subscription.go) has a cursor for each session and
// reads on when its transport has taken what it got, so a slow client lags alone; it is cut when it takes nothing for some
// seconds, and resumes where it was. In memory are the newest events as the transports write them (encoded.go: 512, of up to
// 32 KB each, dropped by age) and what waits for a client of Socket.IO (1 MB).
//
// Begin with hub.go and subscriber.go, then a transport: websocket.go, sse.go, socketio.go.
package stream
