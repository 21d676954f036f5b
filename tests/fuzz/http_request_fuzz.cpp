// Bytes of a connection: the same request, or none, however they arrive. A refusal may come later, and with
// another status, when they come in pieces: then Beast waits for the header's end before it looks at the
// first line, or sees only a part of that.

#include "fuzz_input.hpp"
#include "http/request_parser.hpp"

namespace {

using namespace corral;
using progress = http::request_parser::progress;

constexpr http::parser_limits limits{.header_bytes = 512, .body_bytes = 256};

struct outcome {
    progress state = progress::header;
    std::string text;      // method, path, query, header fields and body, or the refusal's status
    std::size_t used = 0;  // bytes that belong to the request
};

std::string text_of(const http::request& request) {
    std::string out = request.method + " " + request.path + " " + request.query + "\n";
    for (const auto& [name, value] : request.headers.all()) {
        out += name + ": " + value + "\n";
    }
    return out + "\n" + request.body;
}

// Keeps what was not taken and offers it again with more behind it, as a connection does.
outcome run(const std::vector<std::string>& pieces) {
    http::body_budget budget(200, 200);
    outcome out;
    {
        http::request_parser parser(limits);
        std::string held;
        const auto over = [&] {
            return parser.state() == progress::complete || parser.state() == progress::refused;
        };
        for (std::size_t at = 0; at < pieces.size() && !over(); ++at) {
            held += pieces[at];
            const auto feed = [&] {
                const auto used = parser.feed(held);
                tests::demand(used <= held.size(), "no more is taken than there is");
                held.erase(0, used);
                out.used += used;
            };
            feed();
            if (parser.state() == progress::at_body) {
                tests::demand(budget.used() == 0, "nothing of a body is taken before it is judged");
                parser.admit(budget, "somebody");
            }
            if (parser.state() == progress::body) {
                feed();
            }
        }
        out.state = parser.state();
        if (out.state == progress::refused) {
            tests::demand(parser.why().status >= 400 && !parser.why().text.empty(), "a refusal says why");
            tests::demand(!parser.keep_alive(), "a refused connection is closed");
            out.text = std::to_string(parser.why().status);
            out.used = 0;
        } else if (out.state == progress::complete) {
            tests::demand(!parser.wants_continue(), "nobody waits for a request that is whole");
            out.text = text_of(parser.take());
        } else {
            out.used = 0;
        }
    }
    tests::demand(budget.used() == 0, "a body's charge is given back");
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    tests::cut_plan plan(input);
    const std::string bytes(input.rest());
    const auto whole = run({bytes});
    const auto cut = run(plan.cut(bytes));
    const bool complete = whole.state == progress::complete;
    tests::demand(complete == (cut.state == progress::complete),
                  "the pieces do not decide whether it is served");
    if (complete && cut.state == progress::complete) {
        tests::demand(whole.text == cut.text, "the request does not depend on the pieces");
        tests::demand(whole.used == cut.used, "the request's end does not depend on the pieces");
    }
    return 0;
}
