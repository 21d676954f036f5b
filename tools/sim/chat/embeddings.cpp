// POST .../embeddings of the OpenAI-like servers: vectors that are known beforehand. Each token has a place in them, so a text's
// vector is that of its words, whatever their order, and nearly that of its beginning.

#include <chrono>
#include <cmath>
#include <cstdint>

#include "chat/openai_service.hpp"
#include "vocabulary.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

std::vector<double> vector_of(const token_ids& ids, int dimensions) {
    std::vector<double> out(static_cast<std::size_t>(dimensions), 0.0);
    for (const int id : ids) out[static_cast<std::uint32_t>(id) * 2654435761U % out.size()] += 1;
    double squares = 0;
    for (const double each : out) squares += each * each;
    for (double& each : out) each = squares > 0 ? static_cast<float>(each / std::sqrt(squares)) : 0;
    return out;
}

std::vector<std::string> texts_of(const json& input) {
    if (input.is_string()) return {input.get<std::string>()};
    return input.get<std::vector<std::string>>();
}

}  // namespace

// All texts are one run, without a word of an answer.
void openai_service::embed(const chat_request& request, http_exchange& exchange) {
    program_.count_request();
    const auto& words = vocabulary::instance();
    try {
        const auto body = json::parse(request.body);
        const auto texts = texts_of(body.at("input"));
        if (rules_.dimensions == 0) return refuse(exchange, rules_.no_embeddings);
        for (const auto& text : texts) {
            const auto tokens = static_cast<int>(words.encode_plain(text).size());
            if (tokens == 0)
                return refuse(exchange, {400, "invalid_request_error", "Input content cannot be empty", {}});
            if (tokens > rules_.longest_text) return refuse(exchange, rules_.text_too_long(tokens));
        }
        run_order order;
        for (const auto& text : texts) order.prompt += text + "\n";
        order.asked = {{"embedding", texts.size()}};
        order.max_tokens = 0;
        order.context = 1 << 30;
        const auto run = program_.engine().begin(std::move(order));
        std::string piece;
        while (run->next(piece, 20ms) != chat_run::step::end) {
            if (!exchange.gone()) continue;
            run->cancel();
            return exchange.abandon();
        }
        json data = json::array();
        int tokens = 0;
        for (const auto& text : texts) {
            const auto ids = words.encode_plain(text);
            tokens += static_cast<int>(ids.size());
            data.push_back({{"object", "embedding"},
                            {"index", data.size()},
                            {"embedding", vector_of(ids, rules_.dimensions)}});
        }
        exchange.answer(200, rules_.json_type,
                        dump_text({{"object", "list"},
                                   {"data", data},
                                   {"model", rules_.wire.model},
                                   {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}}));
    } catch (const json::exception& problem) {
        refuse(exchange, {500, "server_error", problem.what(), json::object()});
    }
}

}  // namespace corral::sim
