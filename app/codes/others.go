package codes

import "whatsapp-api/whatsapp"

// Codes that are met in streams alone.
const (
	NoToken           Code = "no_token"
	Lagged            Code = "lagged"
	SessionHandedOver Code = "session_handed_over"
	BadFrame          Code = "bad_frame"
	UnknownType       Code = "unknown_type"
)

var streams = []Row{
	{
		NoToken, nil,
		[]Place{Stream},
		Text{"The token did not come in time.", "Send it within 10 s of connecting, or in a header."},
		Text{"El token no llegó a tiempo.", "Envíalo en los 10 s siguientes a conectar, o en una cabecera."},
	},
	{
		Lagged, nil,
		[]Place{Stream},
		Text{"The client reads too slowly.", "Come back and resume from where the stream says; nothing is lost."},
		Text{"El cliente lee demasiado despacio.", "Vuelve y reanuda desde donde dice el flujo; no se pierde nada."},
	},
	{
		SessionHandedOver, nil,
		[]Place{Stream},
		Text{"A session was given to this user, or taken from them.", "Come back and resume."},
		Text{"Se ha dado una sesión a este usuario, o se le ha quitado.", "Vuelve y reanuda."},
	},
	{
		BadFrame, nil,
		[]Place{Stream},
		Text{"The frame cannot be read.", "Send a JSON object with a type: subscribe, unsubscribe or ping."},
		Text{"La trama no se puede leer.", "Envía un objeto JSON con un type: subscribe, unsubscribe o ping."},
	},
	{
		UnknownType, nil,
		[]Place{Stream},
		Text{"The frame has a type that is not known.", "Send subscribe, unsubscribe or ping."},
		Text{"La trama tiene un type desconocido.", "Envía subscribe, unsubscribe o ping."},
	},
}

// sessions are the reasons of states; that the database is away is among the answers.
var sessions = []Row{
	{
		whatsapp.ReasonNoPong, nil,
		[]Place{Session},
		Text{"WhatsApp does not answer a ping.", "Wait: the session connects anew if it goes on."},
		Text{"WhatsApp no responde a un ping.", "Espera: si sigue así, la sesión se conecta de nuevo."},
	},
	{
		whatsapp.ReasonSilent, nil,
		[]Place{Session},
		Text{"Nothing came from WhatsApp for too long.", "Wait: the session connects anew."},
		Text{"No llega nada de WhatsApp desde hace demasiado.", "Espera: la sesión se conecta de nuevo."},
	},
	{
		whatsapp.ReasonConnectionLost, nil,
		[]Place{Session},
		Text{"The connection to WhatsApp broke.", "Wait: the session connects anew."},
		Text{"Se cortó la conexión con WhatsApp.", "Espera: la sesión se conecta de nuevo."},
	},
	{
		whatsapp.ReasonUnreachable, nil,
		[]Place{Session},
		Text{"WhatsApp cannot be reached.", "Check the server's network; the session goes on trying."},
		Text{"No se puede llegar a WhatsApp.", "Revisa la red del servidor; la sesión lo sigue intentando."},
	},
	{
		whatsapp.ReasonQRTimeout, nil,
		[]Place{Session},
		Text{"Nobody scanned the QR code.", "Start the session again to get new ones."},
		Text{"Nadie escaneó el código QR.", "Inicia otra vez la sesión para tener códigos nuevos."},
	},
	{
		whatsapp.ReasonPairFailed, nil,
		[]Place{Session},
		Text{"The phone scanned the code, but linking failed.", "Try again."},
		Text{"El teléfono escaneó el código, pero la vinculación falló.", "Inténtalo de nuevo."},
	},
	{
		whatsapp.ReasonReplaced, nil,
		[]Place{Session},
		Text{"Another client uses the same link. Two copies of this session's data must not run at once.", "Start it again when the other is gone."},
		Text{"Otro cliente usa la misma vinculación. Dos copias de los datos de esta sesión no deben correr a la vez.", "Iníciala otra vez cuando la otra no esté."},
	},
	{
		whatsapp.ReasonOutdated, nil,
		[]Place{Session},
		Text{"WhatsApp no longer accepts this version of the client.", "Update this program."},
		Text{"WhatsApp ya no acepta esta versión del cliente.", "Actualiza este programa."},
	},
	{
		whatsapp.ReasonUnlinkedHere, nil,
		[]Place{Session},
		Text{"The device was unlinked by a request here.", "Start the session to link it again."},
		Text{"El dispositivo se desvinculó con una petición aquí.", "Inicia la sesión para vincularlo de nuevo."},
	},
	{
		whatsapp.ReasonUnlinkedPhone, nil,
		[]Place{Session},
		Text{"The device was unlinked on the phone.", "Start the session to link it again."},
		Text{"El dispositivo se desvinculó en el teléfono.", "Inicia la sesión para vincularlo de nuevo."},
	},
	{
		whatsapp.ReasonDeviceGone, nil,
		[]Place{Session},
		Text{"The account is no longer on the phone that it was linked with.", "Set WhatsApp up on the phone, then start the session to link it again."},
		Text{"La cuenta ya no está en el teléfono con que se vinculó.", "Configura WhatsApp en el teléfono e inicia la sesión para vincularla de nuevo."},
	},
	{
		whatsapp.ReasonUnknownLogout, nil,
		[]Place{Session},
		Text{"WhatsApp ended the link without a reason.", "Start the session to link it again."},
		Text{"WhatsApp terminó la vinculación sin decir por qué.", "Inicia la sesión para vincularla de nuevo."},
	},
	{
		whatsapp.ReasonTemporaryBan, nil,
		[]Place{Session},
		Text{"WhatsApp has banned the account for a time.", "Wait: the session connects when the time is over. Write less to people who do not know you."},
		Text{"WhatsApp ha bloqueado la cuenta por un tiempo.", "Espera: la sesión se conecta cuando pase. Escribe menos a quien no te conoce."},
	},
	{
		whatsapp.ReasonRequested, nil,
		[]Place{Session},
		Text{"The session was stopped by a request.", "Start it when it should be online."},
		Text{"La sesión se paró con una petición.", "Iníciala cuando deba estar en línea."},
	},
	{
		whatsapp.ReasonConnectFailure + "*", nil,
		[]Place{Session},
		Text{"WhatsApp refused the login; the number is WhatsApp's.", "Wait: the session tries again, slowly. If it stays, look the number up and report it."},
		Text{"WhatsApp rechazó la conexión; el número es de WhatsApp.", "Espera: la sesión lo intenta de nuevo, despacio. Si sigue, busca el número y avisa."},
	},
	{
		whatsapp.ReasonStreamError + "*", nil,
		[]Place{Session},
		Text{"WhatsApp ended the connection; what follows is WhatsApp's.", "Wait: the session tries again, slowly. If it stays, look the code up and report it."},
		Text{"WhatsApp terminó la conexión; lo que sigue es de WhatsApp.", "Espera: la sesión lo intenta de nuevo, despacio. Si sigue, busca el código y avisa."},
	},
}

// messages are why a message was not sent; what answers say too is among them.
var messages = []Row{
	{
		whatsapp.FailureExpired, nil,
		[]Place{Message},
		Text{"WhatsApp did not acknowledge the message, and it is older than QUEUE_MAX_AGE.", "Send it anew if it still matters."},
		Text{"WhatsApp no acusó recibo del mensaje y es más viejo que QUEUE_MAX_AGE.", "Envíalo de nuevo si aún importa."},
	},
}
