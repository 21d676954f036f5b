// The answer of a vendor's server: it reads the same from one piece as from many, keeps to its bounds, and is whole or a
// failure with a reason.

#include "fuzz_input.hpp"
#include "http/reply_parser.hpp"

namespace {

using namespace corral;

constexpr std::size_t most_body = 256;

struct outcome {
    bool failed = false;
    std::string text;  // status, fields and body
    bool operator==(const outcome&) const = default;
};

void check(const core::result<void>& step) {
    tests::demand(step || !step.error().message.empty(), "a failure has a reason");
}

// As a connection does it: the body is taken away as it comes.
outcome hear(const std::vector<std::string>& pieces, const http::reply_bounds& bounds) {
    http::reply_parser parser("GET / at nowhere", bounds);
    std::string body;
    outcome out;
    for (std::size_t at = 0; at < pieces.size() && !out.failed && !parser.done(); ++at) {
        parser.pending() += pieces[at];
        const core::result<void> step = parser.feed();
        check(step);
        out.failed = !step;
        tests::demand(parser.body().size() <= parser.pending().size() + most_body,
                      "a body keeps to its bound");
        body += parser.body();
        parser.body().clear();
    }
    if (!out.failed && !parser.done()) {
        const core::result<void> ended = parser.end({});
        check(ended);
        out.failed = !ended;
    }
    if (out.failed) {
        return out;
    }
    tests::demand(parser.done() && parser.head_done(), "what did not fail is whole");
    tests::demand(body.size() <= most_body, "a body keeps to its bound");
    out.text = std::to_string(parser.status()) + "\n";
    const http::header_fields fields = parser.headers();
    for (const auto& [name, value] : fields.all()) {
        out.text += name + ": " + value + "\n";
    }
    out.text += "\n" + body;
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    const http::reply_bounds bounds{
        .without_body = input.choice() % 8 == 7, .body = most_body, .head = 512, .line = 512};
    tests::cut_plan plan(input);
    const std::string bytes(input.rest());
    tests::demand(hear({bytes}, bounds) == hear(plan.cut(bytes), bounds), "pieces read as the whole does");
    return 0;
}
