"""Every operation of OpenWA 0.10.10, as its users know it: written from notes about OpenWA, not from our document.

Left out: plug-ins, integrations, ingress, MCP, the restart of the process. Statuses are the newest release's: 201 for
what creates or sends, 202 for what is queued, 200 for actions, 204 for the deletion of something stored.

    method  path  least role  success  errors of its own  shape of the success  default and ceiling of `limit`

A shape is a name of SHAPES, in brackets for a bare list, `-` for no body and `?` where the notes do not say.
"""

from typing import NamedTuple

_TABLE = """
POST   /auth/api-keys                                            admin    201 400         ApiKeyCreated
GET    /auth/api-keys                                            admin    200 -           [ApiKey]
GET    /auth/api-keys/{id}                                       admin    200 404         ApiKey
PUT    /auth/api-keys/{id}                                       admin    200 400,404,409 ApiKey
DELETE /auth/api-keys/{id}                                       admin    204 404,409     -
POST   /auth/api-keys/{id}/revoke                                admin    200 404,409     ApiKey
POST   /auth/validate                                            viewer   200 401         Validated

POST   /sessions                                                 operator 201 400,409     Session
GET    /sessions                                                 viewer   200 -           [Session]  1000..1000
GET    /sessions/{id}                                            viewer   200 404         Session
DELETE /sessions/{id}                                            operator 204 404         -
POST   /sessions/{id}/start                                      operator 200 400,404     Session
POST   /sessions/{id}/stop                                       operator 200 404         Session
POST   /sessions/{id}/force-kill                                 operator 200 404         Session
GET    /sessions/{id}/qr                                         operator 200 400,404     QrCode
POST   /sessions/{id}/pairing-code                               operator 201 400,404     PairingCode
GET    /sessions/stats/overview                                  viewer   200 -           SessionStats

GET    /sessions/{id}/chats                                      viewer   200 400,404     [Chat]     1000..1000
GET    /sessions/{id}/groups                                     viewer   200 400,404     [GroupSummary] 1000..1000
POST   /sessions/{id}/chats/read                                 operator 200 400,404     Success
POST   /sessions/{id}/chats/unread                               operator 200 400,404     Success
POST   /sessions/{id}/chats/delete                               operator 200 400,404     Success
POST   /sessions/{id}/chats/typing                               operator 200 400,404     Success

GET    /sessions/{id}/messages                                   viewer   200 404         Messages   50..100
POST   /sessions/{id}/messages/send-text                         operator 201 400,404,413 Sent
POST   /sessions/{id}/messages/send-template                     operator 201 400,404,413 Sent
POST   /sessions/{id}/messages/send-image                        operator 201 400,404,413 Sent
POST   /sessions/{id}/messages/send-video                        operator 201 400,404,413 Sent
POST   /sessions/{id}/messages/send-audio                        operator 201 400,404,413 Sent
POST   /sessions/{id}/messages/send-document                     operator 201 400,404,413 Sent
POST   /sessions/{id}/messages/send-sticker                      operator 201 400,404,413 Sent
POST   /sessions/{id}/messages/send-location                     operator 201 400,404     Sent
POST   /sessions/{id}/messages/send-contact                      operator 201 400,404     Sent
POST   /sessions/{id}/messages/send-poll                         operator 201 400,404     Sent
POST   /sessions/{id}/messages/reply                             operator 201 400,404     Sent
POST   /sessions/{id}/messages/forward                           operator 201 400,404     Sent
POST   /sessions/{id}/messages/react                             operator 200 400,404     Success
POST   /sessions/{id}/messages/delete                            operator 200 400,404     Success
POST   /sessions/{id}/messages/edit                              operator 200 400,404     Sent
GET    /sessions/{id}/messages/{chatId}/history                  viewer   200 400,404     [Live]     50..2000
GET    /sessions/{id}/messages/{chatId}/{messageId}/reactions    viewer   200 400,404     [Reaction]

POST   /sessions/{id}/messages/send-bulk                         operator 202 400,404     BulkAccepted
GET    /sessions/{id}/messages/batch/{batchId}                   viewer   200 404         BatchStatus
POST   /sessions/{id}/messages/batch/{batchId}/cancel            operator 200 400,404     BatchCancelled

GET    /sessions/{id}/contacts                                   viewer   200 400,404     [Contact]  1000..1000
GET    /sessions/{id}/contacts/check/{number}                    viewer   200 400,404     NumberCheck
GET    /sessions/{id}/contacts/profile-pictures                  viewer   200 400,404     ?
GET    /sessions/{id}/contacts/{contactId}                       viewer   200 400,404     Contact
GET    /sessions/{id}/contacts/{contactId}/profile-picture       viewer   200 400,404     Url
GET    /sessions/{id}/contacts/{contactId}/phone                 viewer   200 400,404     Phone
POST   /sessions/{id}/contacts/{contactId}/block                 operator 200 400,404     Done
DELETE /sessions/{id}/contacts/{contactId}/block                 operator 200 400,404     Done

POST   /sessions/{id}/groups                                     operator 201 400,404     Group
GET    /sessions/{id}/groups/{groupId}                           viewer   200 400,404     GroupInfo
POST   /sessions/{id}/groups/{groupId}/participants              operator 200 400,404     Participants
DELETE /sessions/{id}/groups/{groupId}/participants              operator 200 400,404     Participants
POST   /sessions/{id}/groups/{groupId}/participants/promote      operator 200 400,404     Participants
POST   /sessions/{id}/groups/{groupId}/participants/demote       operator 200 400,404     Participants
PUT    /sessions/{id}/groups/{groupId}/subject                   operator 200 400,404     Done
PUT    /sessions/{id}/groups/{groupId}/description               operator 200 400,404     Done
POST   /sessions/{id}/groups/{groupId}/leave                     operator 200 400,404     Done
GET    /sessions/{id}/groups/{groupId}/invite-code               viewer   200 400,404     Invite
POST   /sessions/{id}/groups/{groupId}/invite-code/revoke        operator 200 400,404     InviteRevoked
POST   /sessions/{id}/groups/join                                operator 200 400,404     ?
GET    /sessions/{id}/groups/{groupId}/settings                  viewer   200 400,404     GroupSettings
PUT    /sessions/{id}/groups/{groupId}/settings                  operator 200 400,403,404,501 ?

GET    /sessions/{id}/labels                                     viewer   200 400,404     [Label]
GET    /sessions/{id}/labels/{labelId}                           viewer   200 400,404     Label
GET    /sessions/{id}/labels/chat/{chatId}                       viewer   200 400,404     [Label]
POST   /sessions/{id}/labels/chat/{chatId}                       operator 200 400,404,422 Success
DELETE /sessions/{id}/labels/chat/{chatId}/{labelId}             operator 200 400,404,422 Success

GET    /sessions/{id}/channels                                   viewer   200 400,404     [Channel]
GET    /sessions/{id}/channels/{channelId}                       viewer   200 400,404     Channel
GET    /sessions/{id}/channels/{channelId}/messages              viewer   200 400,404     [ChannelMessage] 50..100
POST   /sessions/{id}/channels/subscribe                         operator 201 400,404     Channel
DELETE /sessions/{id}/channels/{channelId}                       operator 200 400,404     Success

GET    /sessions/{id}/status                                     viewer   200 404         Statuses
GET    /sessions/{id}/status/{contactId}                         viewer   200 404         Statuses
POST   /sessions/{id}/status/send-text                           operator 201 400,404,501 StatusPosted
POST   /sessions/{id}/status/send-image                          operator 201 400,404,413,501 StatusPosted
POST   /sessions/{id}/status/send-video                          operator 201 400,404,413,501 StatusPosted
DELETE /sessions/{id}/status/{statusId}                          operator 200 404         Message
GET    /sessions/{id}/status/{statusId}/media                    viewer   200 404         ?

GET    /sessions/{id}/catalog                                    viewer   200 404,501     Catalog
GET    /sessions/{id}/catalog/products                           viewer   200 400,404,501 Products   20..
GET    /sessions/{id}/catalog/products/{productId}               viewer   200 404,501     Product
POST   /sessions/{id}/messages/send-product                      operator 201 400,404,501 ?
POST   /sessions/{id}/messages/send-catalog                      operator 201 400,404,501 ?

POST   /sessions/{id}/templates                                  operator 201 400,409     Template
GET    /sessions/{id}/templates                                  operator 200 -           [Template]
GET    /sessions/{id}/templates/{id}                             operator 200 404         Template
PUT    /sessions/{id}/templates/{id}                             operator 200 400,404,409 Template
DELETE /sessions/{id}/templates/{id}                             operator 204 404         -

POST   /sessions/{id}/webhooks                                   operator 201 400         Webhook
GET    /sessions/{id}/webhooks                                   operator 200 -           [Webhook]
GET    /sessions/{id}/webhooks/{id}                              operator 200 404         Webhook
PUT    /sessions/{id}/webhooks/{id}                              operator 200 400,404     Webhook
DELETE /sessions/{id}/webhooks/{id}                              operator 204 404         -
POST   /sessions/{id}/webhooks/{id}/test                         operator 200 404         Tested
GET    /webhooks                                                 operator 200 -           [Webhook]  1000..1000
GET    /webhooks/delivery-failures                               admin    200 -           ?          1000..1000

GET    /settings                                                 admin    200 -           Settings
PUT    /settings                                                 admin    501 -           -

GET    /stats/overview                                           admin    200 -           StatsOverview
GET    /stats/messages                                           admin    200 400         MessageStats
GET    /stats/sessions/{id}                                      viewer   200 404         SessionMessageStats

GET    /infra/health                                             public   200 -           InfraHealth
GET    /infra/status                                             admin    200 -           InfraStatus
GET    /infra/engines                                            admin    200 -           [EngineInfo]
GET    /infra/engines/current                                    admin    200 -           CurrentEngine
GET    /infra/config                                             admin    200 -           SavedConfig
PUT    /infra/config                                             admin    501 -           -
GET    /infra/export-data                                        admin    200 500         DataExport
POST   /infra/import-data                                        admin    200 400,409     ImportResult
GET    /infra/storage/files/count                                admin    200 500         StorageCount
GET    /infra/storage/export                                     admin    200 500         StorageExport
POST   /infra/storage/import                                     admin    200 400,500     StorageImport

GET    /audit                                                    admin    200 -           Audit      50..200

GET    /health                                                   public   200 -           Health
GET    /health/live                                              public   200 -           Liveness
GET    /health/ready                                             public   200 503         Readiness
GET    /metrics                                                  public   200 401,404     ?

PUT    /sessions/{id}/profile/name                               operator 200 400         ?
PUT    /sessions/{id}/profile/status                             operator 200 400         ?
PUT    /sessions/{id}/profile/picture                            operator 200 400,413     ?
POST   /sessions/{id}/calls/{callId}/reject                      operator 200 400,404     ?
GET    /search                                                   operator 200 400         Search     50..100
"""
SHAPES = {  # fields that are always there; `name?` may be missing
    "ApiKey": "id name keyPrefix role allowedIps? allowedSessions? isActive expiresAt? lastUsedAt? usageCount"
    " createdAt",
    "ApiKeyCreated": "id name keyPrefix role allowedIps? allowedSessions? isActive expiresAt? lastUsedAt? usageCount"
    " createdAt apiKey",
    "Validated": "valid role?",
    "Session": "id name status phone pushName connectedAt lastActive createdAt updatedAt lastError",
    "QrCode": "qrCode status",
    "PairingCode": "pairingCode status",
    "SessionStats": "total active ready disconnected byStatus memoryUsage",
    "Chat": "id name isGroup unreadCount timestamp lastMessage?",
    "GroupSummary": "id name",
    "Success": "success",
    "Done": "success message",
    "Message": "message",
    "Messages": "messages total",
    "Sent": "messageId timestamp",
    "Live": "id from to chatId body type timestamp fromMe isGroup",
    "Reaction": "emoji senders",
    "BulkAccepted": "batchId status totalMessages estimatedCompletionTime? statusUrl",
    "BatchStatus": "batchId status progress results startedAt completedAt",
    "BatchCancelled": "batchId status progress",
    "Contact": "id name? pushName? number isMyContact isBlocked profilePicUrl?",
    "NumberCheck": "number exists whatsappId",
    "Url": "url",
    "Phone": "contactId phone",
    "Group": "id name",
    "GroupInfo": "id name description? owner? createdAt? participants",
    "Participants": "success message results",
    "Invite": "inviteCode inviteLink",
    "InviteRevoked": "inviteCode inviteLink message",
    "GroupSettings": "announce locked ephemeralSeconds",
    "Label": "id name hexColor",
    "Channel": "id name description? inviteCode? subscriberCount? picture? verified? createdAt?",
    "ChannelMessage": "id body timestamp hasMedia mediaUrl?",
    "Statuses": "statuses",
    "StatusPosted": "statusId timestamp expiresAt",
    "Catalog": "id name description? productCount url",
    "Product": "id name description? price currency priceFormatted imageUrl? url isAvailable retailerId?",
    "Products": "products pagination",
    "Template": "id sessionId name body header footer createdAt updatedAt",
    "Webhook": "id sessionId url events filters active retryCount lastTriggeredAt createdAt updatedAt",
    "Tested": "success statusCode? error?",
    "Settings": "general api notifications",
    "StatsOverview": "sessions messages",
    "MessageStats": "timeSeries byType bySession topChats",
    "SessionMessageStats": "session messages topChats hourlyActivity",
    "InfraHealth": "status timestamp",
    "InfraStatus": "database redis queue storage engine",
    "EngineInfo": "id name enabled features library?",
    "CurrentEngine": "engineType",
    "SavedConfig": "database redis queue storage engine",
    "DataExport": "exportedAt dataDbType tables counts",
    "ImportResult": "imported counts warnings",
    "StorageCount": "storageType count sizeBytes sizeMB",
    "StorageExport": "message download",
    "StorageImport": "imported count storageType",
    "Audit": "data total",
    "Health": "status timestamp version",
    "Liveness": "status",
    "Readiness": "status details",
    "Search": "hits total",
}
# Characters of a text, entries of a list, values of a number; `?` where nothing is known.
_BOUNDS = """
POST /auth/api-keys                              name                  3..100
PUT  /auth/api-keys/{id}                         name                  3..100
POST /sessions                                   name                  3..50
POST /sessions                                   proxyUrl              ?..255
POST /sessions/{id}/messages/send-text           text                  1..4096
POST /sessions/{id}/messages/reply               text                  1..4096
POST /sessions/{id}/messages/edit                body                  ?..4096
POST /sessions/{id}/messages/send-image          caption               ?..1024
POST /sessions/{id}/messages/send-image          filename              ?..255
POST /sessions/{id}/messages/send-video          caption               ?..1024
POST /sessions/{id}/messages/send-document       filename              ?..255
POST /sessions/{id}/messages/send-location       latitude              -90..90
POST /sessions/{id}/messages/send-location       longitude             -180..180
POST /sessions/{id}/messages/send-location       description           ?..1024
POST /sessions/{id}/messages/send-location       address               ?..1024
POST /sessions/{id}/messages/send-contact        contactName           1..255
POST /sessions/{id}/messages/send-contact        contactNumber         1..30
POST /sessions/{id}/messages/send-poll           name                  ?..255
POST /sessions/{id}/messages/send-poll           options               2..12
POST /sessions/{id}/messages/send-poll           options[]             1..100
POST /sessions/{id}/messages/react               emoji                 ?..32
POST /sessions/{id}/messages/send-bulk           messages              ?..100
POST /sessions/{id}/messages/send-bulk           messages[].content.text ?..4096
POST /sessions/{id}/messages/send-bulk           messages[].content.caption ?..1024
POST /sessions/{id}/messages/send-bulk           options.delayBetweenMessages 1000..60000
POST /sessions/{id}/groups                       name                  1..100
POST /sessions/{id}/groups/join                  inviteCode            ?..128
PUT  /sessions/{id}/groups/{groupId}/subject     subject               1..100
PUT  /sessions/{id}/groups/{groupId}/description description           ?..1024
POST /sessions/{id}/status/send-text             text                  ?..4096
POST /sessions/{id}/status/send-text             recipients            ?..256
POST /sessions/{id}/status/send-image            caption               ?..1024
POST /sessions/{id}/templates                    name                  1..100
POST /sessions/{id}/templates                    body                  1..4096
POST /sessions/{id}/templates                    header                ?..1024
PUT  /sessions/{id}/templates/{id}               footer                ?..1024
POST /sessions/{id}/webhooks                     url                   ?..2048
POST /sessions/{id}/webhooks                     secret                ?..255
POST /sessions/{id}/webhooks                     retryCount            0..5
PUT  /sessions/{id}/webhooks/{id}                retryCount            0..5
POST /sessions/{id}/webhooks                     filters.conditions    ?..20
PUT  /sessions/{id}/profile/name                 name                  ?..25
PUT  /sessions/{id}/profile/status               status                ?..139
"""
# Not here yet, and nothing else: one that is both listed and in the document fails.
PENDING: set[str] = set()


class Operation(NamedTuple):
    """One line of the table. `limit` is the default and the ceiling, None where there is no paging."""

    method: str
    path: str
    role: str
    success: str
    errors: frozenset[str]
    shape: str
    limit: tuple[int, int | None] | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _read(line: str) -> Operation:
    method, path, role, success, errors, shape, *limit = line.split()
    default, _, most = limit[0].partition("..") if limit else ("", "", "")
    return Operation(
        method, path, role, success, frozenset(errors.split(",")) - {"-"}, shape,
        (int(default), int(most) if most else None) if limit else None,
    )  # fmt: skip


SURFACE = [_read(line) for line in _TABLE.splitlines() if line]
BOUNDS = [line.split() for line in _BOUNDS.splitlines() if line]
