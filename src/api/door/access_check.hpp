#pragma once
// Who may ask: the API key of a request, and the answer to one without a good key. Stands behind CORS and the
// host check, before the routes.

#include <map>
#include <string>

#include "corral/config/key_ring.hpp"
#include "corral/config/session_seal.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/time.hpp"
#include "corral/http/message.hpp"

namespace corral::api {

enum class access_verdict { allowed, no_key, unknown_key, out_of_scope };

struct access {
    access_verdict verdict = access_verdict::allowed;
    std::string client;  // when allowed: the name of the key, else the share of the peer's addresses
    bool by_key = false;
    // By the key's scopes; without keys to ask models, and from this machine to pull.
    config::key_scopes may;
    // Without keys, and from this machine: whose program asks decides whether it may observe and operate.
    bool at_home = false;
};

// The key is shown as "Authorization: Bearer KEY" or as "x-api-key: KEY"; without `keys` none is asked for.
// A key without the scope `inference` only reads (GET, HEAD), and one with `pull` or `operate` changes packages. Open
// to all: GET and HEAD of "/", "/healthz" and "/readyz".
// In the place of a key a browser may show a session that one has opened (is_own_browser), under the
// name that `secure` says (session_cookie). The box's own API (/corral/v1) judges scopes by itself.
[[nodiscard]] access judge_access(const config::key_ring* keys, const http::request& incoming,
                                  const config::session_seal* sessions = nullptr, bool secure = false);

// Of what comes over the operator's socket, where no browser is and the kernel has named the peer.
[[nodiscard]] access command_line_access();

// As far as addresses tell who asks; one network is one, for whom it has countless addresses.
[[nodiscard]] std::string share_of_addresses(const http::request& incoming);

// A path of the box's own API.
[[nodiscard]] bool is_box(std::string_view path);
// POST /api/pull and DELETE /api/delete.
[[nodiscard]] bool changes_packages(const http::request& incoming);

// Who has one, and on a box without keys who asks from this machine, may read names and reasons.
[[nodiscard]] bool may_read_names(const config::key_ring* keys, const http::request& incoming);

// 401, and 403 out of a key's scope, in the envelope of the format that owns the path; says what to do. `verdict` is not allowed.
[[nodiscard]] http::response access_refusal(access_verdict verdict, const http::request& incoming,
                                            core::random_source& random);

// Which refusals are worth a line of the log: one a minute for a share, and no more shares than are kept.
class refusal_log {
public:
    [[nodiscard]] bool worth_a_line(const std::string& share, core::steady_time now);

private:
    std::map<std::string, core::steady_time> logged_;
};

}  // namespace corral::api
