// The header by which a proxy says whose connection it passes on: it reads the same from one piece as from many, takes no
// byte of what comes behind it, and is whole or refused with a reason.

#include "fuzz_input.hpp"
#include "http/proxy_header.hpp"

namespace {

using namespace corral;
using progress = http::proxy_header::progress;

struct outcome {
    progress state;
    std::string why;
    bool has_client;
    std::string client;
    std::size_t taken;
    bool operator==(const outcome&) const = default;
};

outcome hear(const std::vector<std::string>& pieces) {
    http::proxy_header header;
    std::size_t taken = 0;
    for (const std::string& piece : pieces) {
        const std::size_t used = header.feed(piece);
        tests::demand(used == piece.size() || header.state() != progress::more,
                      "an unfinished header takes all");
        taken += used;
    }
    tests::demand((header.state() == progress::refused) == !header.why().empty(), "a refusal has a reason");
    tests::demand(!header.client() || header.state() != progress::refused, "a refused header names nobody");
    return {header.state(), std::string(header.why()), header.client().has_value(),
            header.client() ? header.client()->address().to_string() : std::string(), taken};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    tests::cut_plan plan(input);
    const std::string bytes(input.rest());
    tests::demand(hear({bytes}) == hear(plan.cut(bytes)), "pieces read as the whole does");
    return 0;
}
