// The measuring clients of tools/bench. Each asks for answers and prints, as one JSON object, when it had how
// much.

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "ollama_client.hpp"
#include "vendor_client.hpp"

namespace corral::benchmark {
namespace {

constexpr const char* usage =
    "usage: corral-bench-latency corral|direct|naive --port P --prompt TEXT [--model NAME] [--requests N] "
    "[--clients N]\n";

struct options {
    std::string line;
    std::string model;
    std::string prompt;
    int port = 0;
    int requests = 1;  // each client's, one after another
    int clients = 1;
};

options read_options(int count, char** words) {
    if (count < 2 || count % 2 != 0) throw std::invalid_argument(usage);
    options out;
    out.line = words[1];
    const std::map<std::string, int*> numbers{
        {"--port", &out.port}, {"--requests", &out.requests}, {"--clients", &out.clients}};
    const std::map<std::string, std::string*> texts{{"--model", &out.model}, {"--prompt", &out.prompt}};
    for (int i = 2; i + 1 < count; i += 2) {
        const std::string name = words[i];
        const char* value = words[i + 1];
        if (const auto text = texts.find(name); text != texts.end()) {
            *text->second = value;
            continue;
        }
        const auto found = numbers.find(name);
        if (found == numbers.end()) throw std::invalid_argument("unknown option " + name);
        const char* end = value + std::strlen(value);
        const auto [stop, error] = std::from_chars(value, end, *found->second);
        if (error != std::errc{} || stop != end || *found->second < 1 || *found->second > 65535)
            throw std::invalid_argument(name + ": not a number from 1 to 65535: " + value);
    }
    if (out.port == 0 || out.prompt.empty()) throw std::invalid_argument(usage);
    if (out.line != "corral" && out.line != "direct" && out.line != "naive")
        throw std::invalid_argument(usage);
    return out;
}

class workload {
public:
    explicit workload(options chosen) : chosen_(std::move(chosen)) {}

    // Throws what the first failed client threw.
    std::vector<answer> run() {
        std::vector<std::thread> clients;
        for (int k = 0; k < chosen_.clients; ++k) clients.emplace_back([this] { be_a_client(); });
        for (auto& one : clients) one.join();
        if (failed_) std::rethrow_exception(failed_);
        return answers_;
    }

private:
    void be_a_client() {
        try {
            for (int k = 0; k < chosen_.requests; ++k) {
                auto one = ask();
                const std::lock_guard lock(results_);
                answers_.push_back(std::move(one));
            }
        } catch (...) {
            const std::lock_guard lock(results_);
            if (!failed_) failed_ = std::current_exception();
        }
    }

    // The runtime's own protocol serves one client: others wait here, as in a bridge that has at least a
    // lock.
    answer ask() {
        const auto port = static_cast<std::uint16_t>(chosen_.port);
        if (chosen_.line == "corral") return ask_ollama(port, chosen_.model, chosen_.prompt);
        const std::lock_guard lock(runtime_);
        return ask_vendor(port, chosen_.prompt, chosen_.line == "direct" ? tight_poller : naive_proxy);
    }

    options chosen_;
    std::mutex runtime_;
    std::mutex results_;
    std::vector<answer> answers_;
    std::exception_ptr failed_;
};

nlohmann::json to_json(const answer& one) {
    auto marks = nlohmann::json::array();
    for (const auto& m : one.marks) marks.push_back({m.ns, m.visible});
    return {{"sent_ns", one.sent_ns}, {"ended_ns", one.ended_ns}, {"marks", std::move(marks)}};
}

}  // namespace
}  // namespace corral::benchmark

int main(int count, char** words) {
    using namespace corral::benchmark;
    try {
        auto out = nlohmann::json::array();
        for (const auto& one : workload(read_options(count, words)).run()) out.push_back(to_json(one));
        std::printf("%s\n", out.dump().c_str());
        return 0;
    } catch (const std::invalid_argument& problem) {
        std::fprintf(stderr, "%s\n", problem.what());
        return 2;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "corral-bench-latency: %s\n", problem.what());
        return 1;
    }
}
