package examples

// What more than one value is about.
const (
	person    = "34600000002@s.whatsapp.net"
	number    = "+34600000002"
	group     = "120363041234567890@g.us"
	message   = "3EB0C767D097E9ECFE8A"
	event     = "evt_5q2k0v9d1m7c3f8h4n6b0g2t"
	session   = "shop"
	webhook   = "whk_0192f3c0a7d17b3c9e0d5a1b2c3d4e5f"
	user      = "usr_0192f3bf11c27a4e8d0c9b8a7f6e5d4c"
	key       = "key_0192f3c1b2d37c5f9a0e1d2c3b4a5968"
	delivery  = "dlv_0192f3c2c3e47d6a8b1f2e3d4c5b6a79"
	email     = "ana@example.com"
	secret    = "correct horse battery staple"
	picture   = "data:image/png;base64,iVBORw0KGgo="
	qr        = "https://wa.me/settings/linked_devices#2@3vRkQ0mJt5yN…,9f3cT1Zk…,a1b2C3d4…"
	requestID = "req_7f3k9d2m5c1b8h4n"
	page      = "https://example.com/bread"
	endpoint  = "https://example.com/hooks/whatsapp"
)

// parameters are examples by the name of a parameter.
var parameters = map[string]any{
	"sessionId":           session,
	"chatId":              number,
	"messageId":           message,
	"deliveryId":          delivery,
	"userId":              user,
	"limit":               50,
	"cursor":              "eyJhIjoxNzY0MDAwMDAwfQ",
	"search":              "bread",
	"type":                "text",
	"sessions":            session,
	"events":              "new_messages,message_status",
	"wait":                20,
	"Idempotency-Key":     "order-1234-confirmation",
	"Last-Event-ID":       "p_5q2k0v9d1m7c3f8h",
	"X-Hub-Signature-256": "sha256=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
	"Accept":              "image/png",
	"EIO":                 "4",
	"transport":           "websocket",
	"sid":                 "lv_VI97HAXpY6yYWAAAC",
}

// byPath are examples of parameters that mean another thing in each operation.
var byPath = map[string]any{
	"id getUser": user, "id updateUser": user, "id deleteUser": user, "id setUserPassword": user,
	"id getApiKey": key, "id updateApiKey": key, "id deleteApiKey": key, "id rotateApiKey": key,
	"id getWebhook": webhook, "id updateWebhook": webhook, "id deleteWebhook": webhook, "id testWebhook": webhook, "id pauseWebhook": webhook,
	"id resumeWebhook": webhook, "id rotateWebhookSecret": webhook, "id replayWebhook": webhook, "id listDeliveries": webhook, "id retryDelivery": webhook,
	"from editMessage": number, "from deleteMessage": number, "from reactToMessage": number, "from voteInPoll": number, "from answerEvent": number, "from pinMessage": number,
	"before listMessages": moment, "after listMessages": "2026-11-01T00:00:00Z", "before listAudit": moment, "after listAudit": "2026-11-01T00:00:00Z",
	"after listEvents": 41, "after streamEvents": "0",
	"status listDeliveries": "dead",
}

// shown are fields of which an example has something, although they may be null or empty, and the event that
// stands for all.
var shown = map[string]bool{
	"Chat.lastMessage": true, "SessionHealth.webhooks": true, "WebhookInBody.messages": true, "NewMessagesEvent": true, "MessagesData.messages": true,
	"User.lastLoginAt": true, "Key.lastUsedAt": true, "Chat.lastActivityAt": true, "Chat.readUpTo": true, "SessionHealth.lastFrameAt": true, "NewMessagesEvent.data": true,
}

// absent are fields that an example has not, although there is a value: they exclude another one, or would tell
// of trouble.
var absent = map[string]bool{
	"CleanupInBody.before": true, "Session.reason": true, "SessionHealth.reason": true, "Webhook.reason": true, "NewWebhook.reason": true, "Backlog.reason": true,
	"Webhook.sessionId": false, "Delivery.error": true, "WaitingChat.lastError": true, "ChangeSessionInBody.ownerId": true, "AuditEntry.keyId": true,
	"ReplayWebhookInBody.to": true, "ReplayWebhookInBody.from": true, "ListChat.nextCursor": true, "Quoted.from": true,
	"SendMessageInBody.quotedChatId": true, "SendLocationInBody.quotedChatId": true, "SendContactInBody.quotedChatId": true, "SendPollInBody.quotedChatId": true, "SendEventInBody.quotedChatId": true, "SendEventInBody.quotedMessageId": true,
	"SendLocationInBody.quotedMessageId": true, "SendContactInBody.quotedMessageId": true, "SendPollInBody.quotedMessageId": true, "SentCard.vcard": true,
}

// own are fields of the answers of single operations.
var own = map[string]map[string]any{
	"sendMessage":   sent("text", "Yes, until eight."),
	"sendLocation":  sent("location", "Bakery"),
	"sendContact":   sent("contact", "Bob"),
	"sendPoll":      sent("poll", "Which bread?"),
	"createSession": {"state": "created", "desired": "stopped", "phone": nil, "lid": nil, "pushName": nil, "lastSeq": 1},
	"stopSession":   {"state": "stopped", "desired": "stopped", "reason": "stopped_by_request"},
	"unlinkSession": {"state": "logged_out", "desired": "stopped", "reason": "unlinked_by_request", "phone": nil, "lid": nil},
	"pauseWebhook":  {"state": "paused"},
}

// sent are the fields of the answer to a send.
func sent(kind, text string) map[string]any {
	return map[string]any{
		"fromMe": true, "status": "sent", "source": "api", "type": kind, "text": text, "id": "3EB0F4B1C2D3E4F50617",
		"from": map[string]any{"id": "34600000001@s.whatsapp.net", "phone": "+34600000001", "lid": "186412345678900@lid", "name": "Ana"},
	}
}

// texts are examples of what is no JSON, by operation and type.
var texts = map[string]string{
	"streamEvents text/event-stream": "id: p_5q2k0v9d1m7c3f8h\nevent: message_revoked\ndata: {\"id\":\"" + event + "\",\"seq\":42,\"event\":\"message_revoked\",\"sessionId\":\"shop\", …}\n\n",
	"getMetrics text/plain":          "whatsapp_api_sessions{state=\"connected\"} 3\n",
	"getQrCode text/plain":           qr,
	"pollSocketIo text/plain":        "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}",
	"pushSocketIo text/plain":        "40{\"token\":\"eyJhbGciOiJIUzI1NiJ9…\"}",
	"pushSocketIo text/html":         "ok",
}

// values are examples by the field's name, or by its schema's and its own where the name means different things.
var values = map[string]any{
	// people, chats and messages
	"Address.id": person, "Chat.id": person, "chatId": person, "phone": number, "lid": "186412345678901@lid", "name": "Bob", "pushName": "Ana",
	"Message.id": message, "messageId": message, "quotedMessageId": message, "Quoted.id": message, "sessionId": session,
	"text": "Do you have bread?", "Message.text": "Do you have bread?", "Message.type": "text", "Quoted.type": "text", "Message.source": nil, "Message.status": "received",
	"SendMessageInBody.to": number, "SendLocationInBody.to": number, "SendContactInBody.to": number, "SendPollInBody.to": number, "SendReactionInBody.to": number, "SendEventInBody.to": number, "SendEventInBody.name": "Tasting", "SendEventInBody.description": "New breads", "EventPlace.name": "Bakery", "EventPlace.address": "Calle Mayor 1, Madrid", "EditInBody.text": "Yes, until nine.", "quotedChatId": group, "SendMessageInBody.text": "Yes, until eight.", "mentions": []any{},
	"SendLocationInBody.name": "Bakery", "SendLocationInBody.address": "Calle Mayor 1, Madrid", "SendContactInBody.contacts": []any{map[string]any{"name": "Bob", "phones": []any{number}}},
	"SentCard.name": "Bob", "SendPollInBody.options": []any{"Rye", "Wheat"}, "maxSelections": 1, "VoteInBody.options": []any{"Rye"},
	"emoji": "👍", "Session.phone": "+34600000001", "Session.lid": "186412345678900@lid", "Session.id": session, "Session.name": "Shop", "Session.state": "connected",
	"Session.lastSeq": 42, "SessionHealth.lastSeq": 42, "SessionHealth.state": "connected", "SessionHealth.silentMs": 1250, "reason": "stopped_by_request", "previous": "connecting", "System.previous": "+34600000003",
	"unreadCount": 1, "IdentityData.old": "186412345678901@lid", "IdentityData.from": "186412345678901@lid", "IdentityData.new": person, "IdentityData.to": person,
	"answer": "going", "PollVoteData.options": []any{"Rye"}, "GroupMention.id": group, "GroupMention.name": "Bakers", "GroupInvite.id": group, "GroupInvite.name": "Bakers", "GroupInvite.code": "Gx7bQ2m9Kd3",
	"Album.id": "3EB0A1B2C3D4E5F60718", "Failure.code": "session_offline", "Failure.detail": "session is not connected to WhatsApp",
	"MessageErrorData.code": "session_offline", "MessageErrorData.detail": "session is not connected to WhatsApp",
	"ErrorData.code": "qr_not_scanned", "ErrorData.detail": "Nobody scanned the QR code. Start the session again to get new ones.",

	// what messages may hold
	"fileName": "bread.jpg", "mimeType": "image/jpeg", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "Media.id": "med_0192f3c3", "Media.state": "ready",
	"Media.url": "/api/v1/media/med_0192f3c3", "thumbnail": picture, "waveform": "AAECAwQ=", "MediaError.code": "media_gone", "MediaError.detail": "The file is no longer on WhatsApp's servers.",
	"Location.address": "Calle Mayor 1, Madrid", "Location.name": "Bakery", "Location.url": page, "latitude": 40.4168, "longitude": -3.7038, "accuracyMeters": 12, "speed": 1.5,
	"organization": "Bakery", "ContactCard.name": "Bob", "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:Bob\nEND:VCARD", "ContactPhone.number": "+34 600 00 00 02", "ContactPhone.label": "mobile", "ContactPhone.id": person,
	"question": "Which bread?", "correct": "Rye", "PollOption.text": "Rye", "CalendarEvent.name": "Tasting", "CalendarEvent.description": "New breads", "joinLink": "https://call.whatsapp.com/video/abc",
	"title": "Bread", "body": "Fresh every morning", "footer": "Open until eight", "InteractiveButton.id": "yes", "InteractiveButton.kind": "reply", "InteractiveButton.text": "Yes", "InteractiveButton.url": page,
	"copyCode": "BREAD10", "InteractiveRow.id": "rye", "InteractiveRow.text": "Rye", "InteractiveRow.description": "One kilo", "Selected.id": "rye", "Selected.kind": "list", "Selected.text": "Rye", "Selected.description": "One kilo",
	"Selected.data": `{"size":"large"}`, "catalogId": "native", "Order.id": "512345678901234", "Order.status": "inquiry", "Order.token": "AR5xQ2m9", "Order.text": "Two, please", "currency": "EUR", "total1000": 7000,
	"catalog": "Bakery", "Product.id": "612345678901234", "Product.description": "One kilo", "retailerId": "rye-1kg", "url": page, "price1000": 3500, "salePrice1000": 3000,
	"LinkPreview.description": "Fresh every morning", "LinkPreview.image": picture, "LinkPreview.url": page, "Referral.app": "instagram", "clid": "AfX9k2", "conversionData": "AAEC", "Referral.id": "120212345678901234",
	"mediaType": "image", "mediaUrl": "https://example.com/ad.jpg", "payload": "AAEC", "ref": "summer", "signals": "ad", "Referral.source": "ad", "thumbnailUrl": "https://example.com/ad-small.jpg", "Referral.type": "ad",
	"utmCampaign": "summer", "utmSource": "instagram", "outcome": "connected", "System.kind": "subject_changed", "System.text": "Bakers", "Call.title": "Weekly",

	// events
	"Event.id": event, "eventId": event, "Delivery.event": "new_messages", "seq": 42, "Events.lastSeq": 42,

	// linking
	"QR.code": qr, "QR.image": picture, "QR.attempt": 1, "CreateSessionInBody.id": session, "CreateSessionInBody.name": "Shop", "ChangeSessionInBody.name": "Shop", "ownerId": user,

	// accounts
	"User.id": user, "userId": user, "email": email, "User.name": "Ana", "CreateUserInBody.name": "Ana", "ChangeUserInBody.name": "Ana", "ChangeMeInBody.name": "Ana", "password": secret, "currentPassword": "the old one, until now",
	"token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfMDE5MiJ9.c2lnbmF0dXJl", "Key.id": key, "NewKey.id": key, "keyId": key, "Key.name": "Shop's till", "NewKey.name": "Shop's till", "CreateKeyInBody.name": "Shop's till", "ChangeKeyInBody.name": "Shop's till",
	"Key.prefix": "wak_7Qx2", "NewKey.prefix": "wak_7Qx2", "NewKey.key": "wak_7Qx2m9Kd3Vb8Nc5Zf1Hj6Lp0Rt4Wy", "scopes": []any{"messages:read", "messages:send"}, "sessions": []any{session}, "addresses": []any{"203.0.113.0/24"},
	"action": "POST /api/v1/sessions", "AuditEntry.address": "203.0.113.7", "AuditEntry.id": "aud_0192f3c4d5f67e8b9c0a1b2c3d4e5f60", "requestId": requestID, "target": session, "AuditEntry.status": 201,

	// webhooks
	"Webhook.id": webhook, "NewWebhook.id": webhook, "webhookId": webhook, "Webhook.url": endpoint, "NewWebhook.url": endpoint, "CreateWebhookInBody.url": endpoint, "ChangeWebhookInBody.url": endpoint,
	"events": []any{"new_messages", "message_status"}, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "retryFor": "72h0m0s", "timeoutSeconds": 10, "Webhook.headers": map[string]any{"Authorization": "***"}, "NewWebhook.headers": map[string]any{"Authorization": "***"},
	"Delivery.id": delivery, "Delivery.error": "500 Internal Server Error: out of bread", "Delivery.status": "delivered", "attempt": 1, "responseStatus": 200, "durationMs": 38.5, "lastError": "404 Not Found", "WaitingChat.chat": person,
	"WaitingChat.events": 3, "ReplayStarted.id": "rpl_0192f3c5", "CleanupInBody.olderThanDays": 90, "CleanupInBody.dryRun": true, "deletedMessages": 1200,
	"InboundMessage.id": message, "InboundMessage.chat": number, "InboundMessage.from": number, "InboundMessage.type": "text", "InboundMessage.text": "Do you have bread?", "received": 1,

	// errors and health
	"Problem.type": "about:blank", "Problem.title": "Not Found", "Problem.status": 404, "Problem.code": "not_found", "Problem.detail": "There is no such thing here.", "FieldProblem.field": "to", "FieldProblem.message": "expected length >= 1",
	"version": "1.4.0", "nextCursor": "eyJhIjoxNzY0MDAwMDAwfQ",
}
