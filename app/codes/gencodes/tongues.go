package main

import "whatsapp-api/app/codes"

var tongues = []tongue{
	{
		name:  "en",
		title: "Error codes",
		about: `Every error has a ` + "`code`" + `. Programs should look at it and at nothing else: codes are for ever, texts may change, and there will be more.
An answer with an error is ` + "`application/problem+json`" + ` (RFC 9457): ` + "`status`, `code`, `detail`" + ` (what is wrong this time), ` + "`errors`" + ` (which fields are wrong) and
` + "`requestId`" + `, which is in the server's log too. The document at ` + "`/api/v1/openapi.json`" + ` lists the codes of each operation, and ` + "`/docs/errors.json`" + ` has this page for programs.`,
		columns: [4]string{"Status", "Code", "What it means", "What to do"},
		places: map[codes.Place][2]string{
			codes.Answer:  {"Answers", "`code` in an answer."},
			codes.Stream:  {"Streams", "Why a WebSocket, Socket.IO or Server-Sent Events stream ends, is refused, or does not do what its client asks."},
			codes.Session: {"States of sessions", "`reason` of a session, `code` of `session_error`."},
			codes.Message: {"Messages", "`error.code` of a message that was not sent, `code` of `message_error`."},
			codes.Sandbox: {"Sandbox", "`code` in an answer of a route under `/sandbox`."},
		},
		of: func(r codes.Row) codes.Text { return r.EN },
	},
	{
		name:  "es",
		title: "Códigos de error",
		about: `Cada error tiene un ` + "`code`" + `. Los programas deben mirar el código y nada más: los códigos son para siempre, los textos pueden cambiar, y habrá más.
Una respuesta con error es ` + "`application/problem+json`" + ` (RFC 9457): ` + "`status`, `code`, `detail`" + ` (lo que va mal esta vez), ` + "`errors`" + ` (qué campos están mal) y
` + "`requestId`" + `, que también está en el registro del servidor. El documento de ` + "`/api/v1/openapi.json`" + ` lista los códigos de cada operación, y ` + "`/docs/errors.json`" + ` tiene esta página para programas.`,
		columns: [4]string{"Estado", "Código", "Qué significa", "Qué hacer"},
		places: map[codes.Place][2]string{
			codes.Answer:  {"Respuestas", "`code` en una respuesta."},
			codes.Stream:  {"Flujos", "Por qué un flujo WebSocket, Socket.IO o Server-Sent Events termina, se rechaza o no hace lo que pide su cliente."},
			codes.Session: {"Estados de las sesiones", "`reason` de una sesión, `code` de `session_error`."},
			codes.Message: {"Mensajes", "`error.code` de un mensaje que no se envió, `code` de `message_error`."},
			codes.Sandbox: {"Sandbox", "`code` en una respuesta de una ruta bajo `/sandbox`."},
		},
		of: func(r codes.Row) codes.Text { return r.ES },
	},
}
