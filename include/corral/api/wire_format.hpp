#pragma once
// Wire formats as a list of descriptors (how one is added: CONTRIBUTING.md).

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corral/config/key_ring.hpp"
#include "corral/config/session_seal.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/time.hpp"
#include "corral/core/worker.hpp"
#include "corral/generation/generation_service.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/http/router.hpp"

namespace corral::api {

class operator_desk;
class package_desk;
class page_shelf;
class variant_library;

// Of this machine, at the other end of a connection, as the kernel tells.
struct local_user {
    unsigned uid = 0;
    bool operates = false;  // Corral's own user, root, or one that its operator has named
};

// Everything a handler may use; borrowed, outlives the server.
struct api_context {
    generation::generation_service* generations = nullptr;
    generation::model_directory* models = nullptr;
    variant_library* variants = nullptr;   // absent: there is no place to keep models that clients make
    package_desk* packages = nullptr;      // absent: clients may not pull, nor delete what was pulled
    package_desk* own_packages = nullptr;  // for the page and its operators, whatever clients may
    // Owners of the hub whose repositories clients may name, for a package runs its programs here; with `pulls_signed`
    // everybody's, for only what a trusted key signed is served.
    std::vector<std::string> pull_owners{};
    bool pulls_signed = false;
    page_shelf* page = nullptr;     // absent: browsers get what all others get
    operator_desk* desk = nullptr;  // absent: the box has no API of its own
    scheduler::scheduler* admission = nullptr;
    const core::clock_source* clock = nullptr;
    core::random_source* random = nullptr;
    core::worker* decoding = nullptr;  // reads large bodies; absent: the loop does
    core::disk_work* disk = nullptr;   // reads files of models; absent: none is read
    // Then the Host header is checked (docs/facts/ollama_wire.md#hosts-and-origins).
    bool loopback_only = true;
    std::vector<std::string> hosts{};  // more names of this machine, lower case
    // Whose connection it is, asked where no keys are; nothing: it can't be known. Empty function: of no one.
    std::function<core::awaitable<std::optional<local_user>>(int socket)> user_at{};
    const config::key_ring* keys = nullptr;    // absent: no key is asked for
    config::session_seal* sessions = nullptr;  // of browsers; absent: a key is shown each time
    std::string box_name{};                    // for people
    bool secure = false;                       // clients come in by TLS
    core::milliseconds silence{10'000};  // without a byte for this long a stream says that it lives; 0: never
    // So long a stream waits for its first byte, in which a failure is still a status; 0: for ever.
    core::milliseconds first_byte{45'000};
    // API keys, by name, whose requests are all of a job; and whether a request's shape may say so (titles, tags).
    std::vector<std::string> batch_keys{};
    bool recognises_batch = true;
    bool shows_stream_errors = true;  // also as text of the answer, where clients overlook them
    std::string closed{};             // a sentence for clients: why only /healthz is open; empty: all is
    // Its operator wants no more requests from a load balancer (corral drain). Empty function: never.
    std::function<bool()> drained{};
    // What a person should repair though the server works, a sentence each; open to all. Empty function:
    // nothing.
    std::function<std::vector<std::string>()> warnings{};
    // The page of /metrics: gathered at once and from memory, written on any thread. Empty function: there is none.
    std::function<std::function<std::string()>()> metrics{};
};

struct wire_format {
    // Beginnings of the paths that are this format's; of all formats the longest that fits counts.
    std::span<const std::string_view> paths;
    void (*add_routes)(http::router& routes, const api_context& context);
    // A refusal before any route, in the format's own envelope.
    http::response (*refuse)(unsigned status, std::string_view message, core::random_source& random);
};

[[nodiscard]] const std::vector<const wire_format*>& all_wire_formats();
// The format that `path` belongs to; one that belongs to none is the first format's.
[[nodiscard]] const wire_format& format_of(std::string_view path);

// For http::server: what decides at the head of a request (CORS, host check, API key), and the handler, which takes that
// over unless the keys have changed while the body came in, before the routes of all formats, /healthz and /readyz.
struct front_door {
    http::head_judge judge;
    http::handler serve;
    http::refusal_writer refuse;
};
[[nodiscard]] front_door make_front_door(const api_context& context);
[[nodiscard]] http::handler make_api(const api_context& context);

}  // namespace corral::api
