#pragma once
// Wire formats as a list of descriptors; a new one is a folder in src/api and one line in all_wire_formats().

#include <string>
#include <string_view>
#include <vector>

#include "corral/api/generation_service.hpp"
#include "corral/http/router.hpp"

namespace corral::api {

// Everything a handler may use; borrowed, outlives the server.
struct api_context {
    generation_service* generations = nullptr;
    const model_directory* models = nullptr;
    scheduler::scheduler* admission = nullptr;
    const core::clock_source* clock = nullptr;
    core::random_source* random = nullptr;
    bool loopback_only = true;  // then the Host header is checked (ollama_wire.md §1.4)
};

struct wire_format {
    std::string_view name;
    void (*add_routes)(http::router& routes, const api_context& context);
};

[[nodiscard]] const std::vector<const wire_format*>& all_wire_formats();

// The handler for http::server: host check, CORS, then the routes of all formats, /healthz and /readyz.
[[nodiscard]] http::handler make_api(const api_context& context);

}  // namespace corral::api
