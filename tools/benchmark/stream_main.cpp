// The upstream and the clients of the stream table of tools/bench.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "stream_client.hpp"
#include "stream_upstream.hpp"

namespace {

constexpr const char* usage =
    "usage: corral-bench-stream upstream --port P\n"
    "       corral-bench-stream clients --port P [--model NAME] [--streams N] [--pieces N] [--rate N] "
    "[--rounds N]\n";

corral::benchmark::stream_load read_load(int count, char** words) {
    corral::benchmark::stream_load out;
    long port = 0;
    const std::map<std::string, long*> numbers{{"--port", &port},
                                               {"--streams", &out.streams},
                                               {"--pieces", &out.pieces},
                                               {"--rate", &out.rate},
                                               {"--rounds", &out.rounds}};
    for (int i = 2; i + 1 < count; i += 2) {
        const std::string name = words[i];
        if (name == "--model") {
            out.model = words[i + 1];
            continue;
        }
        const auto found = numbers.find(name);
        if (found == numbers.end()) throw std::invalid_argument(usage);
        *found->second = std::strtol(words[i + 1], nullptr, 10);
        if (*found->second < 1 || *found->second > 65535) throw std::invalid_argument(usage);
    }
    if (count % 2 != 0 || port == 0) throw std::invalid_argument(usage);
    out.port = static_cast<std::uint16_t>(port);
    return out;
}

}  // namespace

int main(int count, char** words) {
    using namespace corral::benchmark;
    try {
        const std::string what = count > 1 ? words[1] : "";
        const stream_load load = read_load(count, words);
        if (what == "upstream") serve_pieces(load.port);
        if (what != "clients") throw std::invalid_argument(usage);
        const stream_figures seen = follow_streams(load);
        const nlohmann::json out{{"delays_ns", seen.delays_ns}, {"first_byte_ns", seen.first_byte_ns}};
        std::printf("%s\n", out.dump().c_str());
        return 0;
    } catch (const std::invalid_argument& problem) {
        std::fprintf(stderr, "%s", problem.what());
        return 2;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "corral-bench-stream: %s\n", problem.what());
        return 1;
    }
}
