// Any lines are the fields of a request and any text its query and its session: what is read of them lies within what was
// sent, no session opens but one of ours, and no page of another server acts.

#include <algorithm>

#include "api/box/query_parameter.hpp"
#include "api/door/session_cookie.hpp"
#include "corral/config/session_seal.hpp"
#include "corral/core/text.hpp"
#include "fuzz_input.hpp"

using namespace corral;

namespace {

constexpr std::int64_t now = 1'800'000'000;

struct known_session {
    config::key_ring keys;
    config::session_seal seal{config::session_seal::secret{7}};
    std::string shown;

    known_session() {
        const std::string digest(64, 'a');
        keys = *config::key_ring::parse("anna " + digest + " inference\n", "keys").value;
        shown = seal.open_for(keys.all().front(), now);
    }
};

bool within(std::string_view part, std::string_view whole) {
    return part.empty() || whole.find(part) != std::string_view::npos;
}

void check_session(const known_session& known, std::string_view shown) {
    const bool ours = shown == known.shown;
    const auto* const key = known.seal.find(known.keys, shown, now);
    tests::demand((key != nullptr) == ours, "no session but ours");
    // One change of ours is none of ours.
    if (!shown.empty() && !ours) {
        std::string changed = known.shown;
        char& at = changed[static_cast<unsigned char>(shown.front()) % changed.size()];
        at = at == shown.back() ? '#' : shown.back();
        tests::demand(known.seal.find(known.keys, changed, now) == nullptr,
                      "a changed session opens nothing");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const known_session known;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    http::request incoming;
    incoming.method = "POST";
    for (const std::string_view line : core::split(text, '\n')) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            incoming.query = line;
        } else {
            incoming.headers.add(std::string(line.substr(0, colon)),
                                 std::string(core::trimmed(line.substr(colon + 1))));
        }
    }
    for (const bool secure : {false, true}) {
        const auto all = api::shown_sessions(incoming, secure);
        tests::demand(all.size() <= 32, "sessions have their bound");
        for (const std::string_view shown : all) {
            tests::demand(within(shown, text), "a session is what was sent");
            tests::demand(shown.find(';') == std::string_view::npos, "it ends with its pair");
            check_session(known, shown);
        }
    }
    check_session(known, text);

    const std::string_view origin = incoming.headers.find("Origin");
    const std::string_view host = incoming.headers.find("Host");
    const bool same =
        origin.empty() || origin == "http://" + std::string(host) || origin == "https://" + std::string(host);
    if (api::is_own_browser(incoming)) {
        tests::demand(same, "another origin acts");
        tests::demand(incoming.headers.contains("X-Corral-Action"), "nobody acts without a word");
    }

    const std::string value = api::box::query_parameter(incoming.query, "service");
    tests::demand(value.size() <= 512, "a value has its bound");
    return 0;
}
