#include "ollama_client.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "http_call.hpp"

namespace corral::benchmark {

answer ask_ollama(std::uint16_t port, const std::string& model, const std::string& prompt) {
    const nlohmann::json body{{"model", model}, {"messages", {{{"role", "user"}, {"content", prompt}}}}};
    answer seen;
    seen.sent_ns = monotonic_ns();
    http_call call(port, "POST", "/api/chat", body.dump());
    if (const int status = call.read_header(); status != 200)
        throw std::runtime_error("status " + std::to_string(status) + ": " + call.read_body());
    std::string line;
    while (call.read_line(line)) {
        const auto at = call.read_at();
        const auto event = nlohmann::json::parse(line);
        if (event.contains("error")) throw std::runtime_error(line);
        note_text(seen, at, event.at("message").at("content").get<std::string>());
        if (event.at("done").get<bool>()) {
            seen.ended_ns = at;
            if (call.read_line(line)) throw std::runtime_error("text after done:true: " + line);
            return seen;
        }
    }
    throw std::runtime_error("the answer ended without done:true");
}

}  // namespace corral::benchmark
