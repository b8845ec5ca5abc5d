package codes

// Codes that the API answers with. Some are met elsewhere too; their row says where.
const (
	BadRequest            Code = "bad_request"
	BadCursor             Code = "bad_cursor"
	Unauthorized          Code = "unauthorized"
	WrongLogin            Code = "wrong_login"
	Forbidden             Code = "forbidden"
	ScopeMissing          Code = "scope_missing"
	SessionNotAllowed     Code = "session_not_allowed"
	AddressNotAllowed     Code = "address_not_allowed"
	CrossOrigin           Code = "cross_origin"
	NotLoopback           Code = "not_loopback"
	NotFound              Code = "not_found"
	NoSuchRoute           Code = "no_such_route"
	MethodNotAllowed      Code = "method_not_allowed"
	RequestTimeout        Code = "request_timeout"
	EmailTaken            Code = "email_taken"
	SessionExists         Code = "session_exists"
	AlreadyExists         Code = "already_exists"
	LastAdmin             Code = "last_admin"
	TooManySessions       Code = "too_many_sessions"
	TooManyWebhooks       Code = "too_many_webhooks"
	ReplayRunning         Code = "replay_running"
	IdempotencyKeyRunning Code = "idempotency_key_running"
	SessionOffline        Code = "session_offline"
	NotYourMessage        Code = "not_your_message"
	NotPossible           Code = "not_possible"
	EditExpired           Code = "edit_expired"
	AlreadyLinked         Code = "already_linked"
	NotLinked             Code = "not_linked"
	QRNotReady            Code = "qr_not_ready"
	CursorExpired         Code = "cursor_expired"
	BodyTooLarge          Code = "body_too_large"
	TooLarge              Code = "too_large"
	UnsupportedMediaType  Code = "unsupported_media_type"
	ValidationFailed      Code = "validation_failed"
	BadAddress            Code = "bad_address"
	IdempotencyKeyReused  Code = "idempotency_key_reused"
	NotOnWhatsApp         Code = "not_on_whatsapp"
	QuotedNotFound        Code = "quoted_not_found"
	WebSocketOnly         Code = "websocket_only"
	WebSocketRefused      Code = "websocket_refused"
	TooManyRequests       Code = "too_many_requests"
	TooManyAttempts       Code = "too_many_attempts"
	TooManyStreams        Code = "too_many_streams"
	TooManySockets        Code = "too_many_sockets"
	InternalError         Code = "internal_error"
	WhatsAppRefused       Code = "whatsapp_refused"
	Stopping              Code = "stopping"
	StoreUnavailable      Code = "store_unavailable"
	OwnedElsewhere        Code = "owned_elsewhere"
	SessionMoved          Code = "session_moved"
	Unavailable           Code = "unavailable"
	SendUnconfirmed       Code = "send_unconfirmed"
)

var answers = []Row{
	{
		BadRequest,
		[]int{400},
		[]Place{Answer},
		Text{"The request cannot be read.", "Send what the document says; detail names what is wrong."},
		Text{"La petición no se puede leer.", "Envía lo que dice el documento; detail nombra lo que está mal."},
	},
	{
		BadCursor,
		[]int{400},
		[]Place{Answer},
		Text{"The cursor was not made by this list.", "Begin without one."},
		Text{"El cursor no es de esta lista.", "Empieza sin cursor."},
	},
	{
		Unauthorized,
		[]int{401},
		[]Place{Answer, Stream},
		Text{"There is no access token or API key, or it is no longer good.", "Log in again, or use another key."},
		Text{"Falta el token de acceso o la clave de API, o ya no vale.", "Inicia sesión de nuevo o usa otra clave."},
	},
	{
		WrongLogin,
		[]int{401},
		[]Place{Answer},
		Text{"Email and password do not match.", "Check both, or ask an admin for a new password."},
		Text{"El correo y la contraseña no coinciden.", "Revisa ambos, o pide una contraseña nueva a un administrador."},
	},
	{
		Forbidden,
		[]int{403},
		[]Place{Answer, Stream},
		Text{"Whoever asks may not do this.", "Ask an admin to do it, or to allow it."},
		Text{"Quien lo pide no puede hacerlo.", "Pide a un administrador que lo haga o que lo permita."},
	},
	{
		ScopeMissing,
		[]int{403},
		[]Place{Answer, Stream},
		Text{"The API key lacks the scope that this needs.", "Add the scope to the key, or use another key."},
		Text{"A la clave de API le falta el ámbito necesario.", "Añade el ámbito a la clave o usa otra."},
	},
	{
		SessionNotAllowed,
		[]int{403},
		[]Place{Answer},
		Text{"This API key is for some sessions only, and could not touch the new one.", "Give it the session's id first, or use another key."},
		Text{"Esta clave de API es solo para algunas sesiones y no podría tocar la nueva.", "Dale antes el id de la sesión o usa otra clave."},
	},
	{
		AddressNotAllowed,
		[]int{403},
		[]Place{Answer, Stream},
		Text{"This API key may not be used from this address.", "Call from an allowed address, or change the key's addresses. Behind a proxy TRUSTED_PROXIES must name it."},
		Text{"Esta clave de API no puede usarse desde esta dirección.", "Llama desde una dirección permitida o cambia las de la clave. Si hay un proxy, TRUSTED_PROXIES debe nombrarlo."},
	},
	{
		CrossOrigin,
		[]int{403},
		[]Place{Answer, Sandbox},
		Text{"A page of another site may not do this.", "FRONTEND_URL names the pages that may."},
		Text{"Una página de otro sitio no puede hacer esto.", "FRONTEND_URL nombra las páginas que pueden."},
	},
	{
		NotLoopback,
		[]int{403, 422},
		[]Place{Answer, Sandbox},
		Text{"The sandbox answers to this machine only.", "Call it from the same machine by a loopback address."},
		Text{"El sandbox solo responde a esta máquina.", "Llámalo desde la misma máquina por una dirección de loopback."},
	},
	{
		NotFound,
		[]int{404},
		[]Place{Answer, Stream},
		Text{"There is no such thing here.", "Check the id. What belongs to another user is not shown either."},
		Text{"Aquí no existe tal cosa.", "Revisa el id. Lo que es de otro usuario tampoco se muestra."},
	},
	{
		NoSuchRoute,
		[]int{404},
		[]Place{Answer},
		Text{"There is no such route.", "/docs shows what there is."},
		Text{"No existe esa ruta.", "/docs muestra las que hay."},
	},
	{
		MethodNotAllowed,
		[]int{405},
		[]Place{Answer, Sandbox},
		Text{"The route does not take this method.", "The header Allow names those that it takes."},
		Text{"La ruta no admite este método.", "La cabecera Allow nombra los que admite."},
	},
	{
		RequestTimeout,
		[]int{408},
		[]Place{Answer},
		Text{"The body did not come in time.", "Send it again, over a better connection if it is large."},
		Text{"El cuerpo no llegó a tiempo.", "Envíalo de nuevo, por una conexión mejor si es grande."},
	},
	{
		EmailTaken,
		[]int{409},
		[]Place{Answer},
		Text{"Another user has this email.", "Use another email."},
		Text{"Otro usuario tiene este correo.", "Usa otro correo."},
	},
	{
		SessionExists,
		[]int{409},
		[]Place{Answer},
		Text{"Another session has this id.", "Choose another id, or leave it out to get one."},
		Text{"Otra sesión tiene este id.", "Elige otro id, o no lo des y se creará uno."},
	},
	{
		AlreadyExists,
		[]int{409},
		[]Place{Answer},
		Text{"It exists already.", "Read it, and change it instead."},
		Text{"Ya existe.", "Léelo y cámbialo en vez de crearlo."},
	},
	{
		LastAdmin,
		[]int{409},
		[]Place{Answer},
		Text{"This is the last active admin.", "Make another user an admin first."},
		Text{"Es el último administrador activo.", "Haz antes administrador a otro usuario."},
	},
	{
		TooManySessions,
		[]int{409},
		[]Place{Answer},
		Text{"This user has as many sessions as one may have.", "Delete one, or raise SESSIONS_PER_USER."},
		Text{"Este usuario tiene todas las sesiones que se pueden tener.", "Borra una o sube SESSIONS_PER_USER."},
	},
	{
		TooManyWebhooks,
		[]int{409},
		[]Place{Answer},
		Text{"There are 50 webhooks already.", "Delete one first."},
		Text{"Ya hay 50 webhooks.", "Borra uno antes."},
	},
	{
		ReplayRunning,
		[]int{409},
		[]Place{Answer},
		Text{"The webhook is being replayed.", "Wait until that has ended."},
		Text{"El webhook ya se está repitiendo.", "Espera a que termine."},
	},
	{
		IdempotencyKeyRunning,
		[]int{409},
		[]Place{Answer},
		Text{"The first request with this Idempotency-Key is still running.", "Wait for its answer, then ask again."},
		Text{"La primera petición con esta Idempotency-Key sigue en curso.", "Espera su respuesta y pregunta de nuevo."},
	},
	{
		NotYourMessage,
		[]int{403},
		[]Place{Answer},
		Text{"The message is somebody else's.", "Only own messages can be edited; to delete those of others for everyone the account must be an admin of the group."},
		Text{"El mensaje es de otra persona.", "Solo se editan los mensajes propios; para eliminar los de otros para todos la cuenta debe administrar el grupo."},
	},
	{
		NotPossible,
		[]int{409},
		[]Place{Answer},
		Text{"This cannot be done to this message.", "It has not gone out, was deleted, or is of a kind for which there is no such thing."},
		Text{"Esto no se puede hacer con este mensaje.", "No ha salido, fue eliminado o es de un tipo que no lo admite."},
	},
	{
		EditExpired,
		[]int{409},
		[]Place{Answer},
		Text{"The message is too old to be edited.", "WhatsApp allows 15 minutes. Send another one, or delete it for everyone."},
		Text{"El mensaje es demasiado antiguo para editarlo.", "WhatsApp da 15 minutos. Envía otro, o elimínalo para todos."},
	},
	{
		SessionOffline,
		[]int{409},
		[]Place{Answer, Message},
		Text{"The session is not connected to WhatsApp.", "Start it, then try again."},
		Text{"La sesión no está conectada a WhatsApp.", "Iníciala e inténtalo de nuevo."},
	},
	{
		AlreadyLinked,
		[]int{409},
		[]Place{Answer},
		Text{"The session has a WhatsApp account, so there is no QR code.", "Disconnect it to link another."},
		Text{"La sesión tiene una cuenta de WhatsApp, así que no hay código QR.", "Desvincúlala para vincular otra."},
	},
	{
		NotLinked,
		[]int{409},
		[]Place{Answer},
		Text{"The session has no WhatsApp account.", "Link one: get a QR code and scan it."},
		Text{"La sesión no tiene cuenta de WhatsApp.", "Vincula una: pide un código QR y escanéalo."},
	},
	{
		QRNotReady,
		[]int{409},
		[]Place{Answer},
		Text{"No QR code yet.", "Try again, or use ?wait=20."},
		Text{"Todavía no hay código QR.", "Inténtalo de nuevo o usa ?wait=20."},
	},
	{
		CursorExpired,
		[]int{410},
		[]Place{Answer, Stream},
		Text{"Events after this point are no longer kept, or the log began anew.", "Read the lists again, then follow from lastSeq."},
		Text{"Los eventos desde este punto ya no se guardan, o el registro empezó de nuevo.", "Lee otra vez las listas y sigue desde lastSeq."},
	},
	{
		BodyTooLarge,
		[]int{413},
		[]Place{Answer, Sandbox},
		Text{"The body is larger than it may be.", "Send less at once."},
		Text{"El cuerpo es mayor de lo permitido.", "Envía menos de una vez."},
	},
	{
		TooLarge,
		[]int{413},
		[]Place{Answer},
		Text{"This is more than the database can keep as one.", "Send less at once."},
		Text{"Es más de lo que la base de datos puede guardar junto.", "Envía menos de una vez."},
	},
	{
		UnsupportedMediaType,
		[]int{415},
		[]Place{Answer},
		Text{"The body is of a type that this route does not read.", "Send JSON with Content-Type: application/json."},
		Text{"El cuerpo es de un tipo que esta ruta no lee.", "Envía JSON con Content-Type: application/json."},
	},
	{
		ValidationFailed,
		[]int{422},
		[]Place{Answer, Stream},
		Text{"Some fields are wrong.", "errors names each with what is wrong with it."},
		Text{"Algunos campos están mal.", "errors nombra cada uno y qué le pasa."},
	},
	{
		BadAddress,
		[]int{422},
		[]Place{Answer},
		Text{"This is no phone number, JID or LID.", "Write a number with its country code, or an id that came in an answer."},
		Text{"No es un número de teléfono, JID ni LID.", "Escribe un número con su prefijo de país, o un id que vino en una respuesta."},
	},
	{
		IdempotencyKeyReused,
		[]int{422},
		[]Place{Answer},
		Text{"This Idempotency-Key was used with another body.", "Use a new key for a new request."},
		Text{"Esta Idempotency-Key se usó con otro cuerpo.", "Usa una clave nueva para una petición nueva."},
	},
	{
		NotOnWhatsApp,
		[]int{422},
		[]Place{Answer, Message},
		Text{"This number has no WhatsApp account.", "Check the number and its country code."},
		Text{"Este número no tiene cuenta de WhatsApp.", "Revisa el número y su prefijo de país."},
	},
	{
		QuotedNotFound,
		[]int{422},
		[]Place{Answer},
		Text{"The message to answer is not stored in this chat.", "Quote one that the chat's list has, or send without."},
		Text{"El mensaje al que se responde no está guardado en este chat.", "Cita uno que esté en la lista del chat, o envía sin cita."},
	},
	{
		WebSocketOnly,
		[]int{426},
		[]Place{Answer},
		Text{"This route speaks WebSocket only.", "Connect with a WebSocket client, or read GET /api/v1/events."},
		Text{"Esta ruta solo habla WebSocket.", "Conecta con un cliente WebSocket, o lee GET /api/v1/events."},
	},
	{
		WebSocketRefused,
		[]int{400, 403},
		[]Place{Answer},
		Text{"The handshake is not one of RFC 6455, or comes from a page of another site.", "Use a WebSocket client; FRONTEND_URL names the pages that may connect."},
		Text{"El saludo no es el de RFC 6455, o viene de una página de otro sitio.", "Usa un cliente WebSocket; FRONTEND_URL nombra las páginas que pueden conectar."},
	},
	{
		TooManyRequests,
		[]int{429},
		[]Place{Answer},
		Text{"The connection was asked twice at once.", "Wait for each answer before the next request."},
		Text{"Se preguntó dos veces a la vez por la misma conexión.", "Espera cada respuesta antes de la petición siguiente."},
	},
	{
		TooManyAttempts,
		[]int{429},
		[]Place{Answer, Stream},
		Text{"Too many attempts.", "Wait as long as Retry-After says, in seconds."},
		Text{"Demasiados intentos.", "Espera lo que dice Retry-After, en segundos."},
	},
	{
		TooManyStreams,
		[]int{429},
		[]Place{Answer, Stream},
		Text{"This user has as many streams open as one may have (STREAMS_PER_USER).", "Close some."},
		Text{"Este usuario tiene abiertos todos los flujos que se pueden tener (STREAMS_PER_USER).", "Cierra alguno."},
	},
	{
		TooManySockets,
		[]int{429},
		[]Place{Answer},
		Text{"Too many sockets wait for their token (UNAUTHENTICATED_SOCKETS).", "Bring it in a header, or come back in a moment."},
		Text{"Demasiados sockets esperan su token (UNAUTHENTICATED_SOCKETS).", "Tráelo en una cabecera o vuelve en un momento."},
	},
	{
		InternalError,
		[]int{500},
		[]Place{Answer, Stream},
		Text{"Something went wrong here.", "The request id helps to find it in the log."},
		Text{"Algo ha fallado aquí.", "El id de la petición ayuda a encontrarlo en el registro."},
	},
	{
		WhatsAppRefused,
		[]int{502},
		[]Place{Answer, Message},
		Text{"WhatsApp's server refused it.", "detail says why, where WhatsApp did; trying again at once does not help."},
		Text{"El servidor de WhatsApp lo rechazó.", "detail dice por qué, si WhatsApp lo dijo; repetirlo enseguida no ayuda."},
	},
	{
		Stopping,
		[]int{503},
		[]Place{Answer, Stream},
		Text{"The server is stopping.", "Come back in a moment."},
		Text{"El servidor se está parando.", "Vuelve en un momento."},
	},
	{
		StoreUnavailable,
		[]int{503},
		[]Place{Answer, Stream, Session},
		Text{"The database cannot be reached or cannot be written now. Nothing was lost.", "Try again."},
		Text{"Ahora no se puede llegar a la base de datos o escribir en ella. No se ha perdido nada.", "Inténtalo de nuevo."},
	},
	{
		OwnedElsewhere,
		[]int{503},
		[]Place{Answer},
		Text{"The session is run by another server.", "Ask that one, or wait until it has stopped."},
		Text{"Otro servidor lleva la sesión.", "Pregunta a ese, o espera a que se pare."},
	},
	{
		SessionMoved,
		[]int{503},
		[]Place{Answer},
		Text{"Another server has taken over the session.", "Try again."},
		Text{"Otro servidor se ha hecho cargo de la sesión.", "Inténtalo de nuevo."},
	},
	{
		Unavailable,
		[]int{503},
		[]Place{Answer},
		Text{"The request took too long or was given up.", "Try again."},
		Text{"La petición tardó demasiado o se abandonó.", "Inténtalo de nuevo."},
	},
	{
		SendUnconfirmed,
		[]int{504},
		[]Place{Answer},
		Text{"WhatsApp did not acknowledge the message in time.", "It stays queued and is sent once; message_status tells what became of it."},
		Text{"WhatsApp no acusó recibo del mensaje a tiempo.", "Sigue en cola y se envía una vez; message_status dice qué fue de él."},
	},
}
