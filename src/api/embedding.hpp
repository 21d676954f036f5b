#pragma once
// Vectors of texts from a runtime that can make them; the wire formats share nothing else of it.

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/request_start.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::api {

struct embedding_request {
    std::string id;
    std::string client;
    std::string address;  // address_for_log()
    std::vector<std::string> texts;
    bool truncate = true;        // a text that is too long keeps its beginning
    bool unit_length = true;     // false: the vectors are as the runtime gave them
    std::size_t dimensions = 0;  // fewer than the model's: the vectors are cut; 0: as they are
    std::optional<core::nanoseconds> keep_alive;
    core::steady_time arrived;
    urgency when;
    http::memory_charge* memory = nullptr;  // of the request; its end gives all back
};

struct embedding_answer {
    std::vector<std::vector<float>> vectors;  // in the order of the texts, of one length
    std::uint32_t prompt_tokens = 0;
    std::optional<scheduler::queue_place> place;  // when it came; nothing: no need to wait
    core::nanoseconds load{0};                    // arrival to the runtime's being ready
    core::nanoseconds total{0};                   // arrival to end
};

using embedding_outcome = std::variant<embedding_answer, chat::failed_event>;

// In batches, each of which takes its turn in the queue like a generation, so that chats come in between; the model stays
// loaded meanwhile. A runtime that can't fails it at once, without a wait. REQUIRES: `context` outlives the coroutine.
[[nodiscard]] core::awaitable<embedding_outcome> embed(const api_context& context, generation::served model,
                                                       embedding_request request);

// What embed() says of a model without vectors; Ollama has a status of its own for it.
[[nodiscard]] bool has_no_embeddings(const chat::failed_event& why);
inline constexpr unsigned no_embeddings_status = 501;

// `encode` makes the body of an answer; that of a large one on a thread of its own.
[[nodiscard]] core::awaitable<std::string> encoded(core::worker* elsewhere, const embedding_answer& made,
                                                   std::function<std::string()> encode);

// How many of `texts`, from `next` on, are asked for at once: at least one, at most `most`, and no more text than a chat
// usually has.
[[nodiscard]] std::size_t batch_size(const std::vector<std::string>& texts, std::size_t next,
                                     std::size_t most);

}  // namespace corral::api
