#pragma once
// One question of 'corral run': the conversation goes out over the API, the answer is printed as it comes.

#include <string>

#include <nlohmann/json.hpp>

#include "cli/base/remote_server.hpp"
#include "cli/base/terminal.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

struct chat_server {
    server_address address;
    std::string url;  // as it was said
    std::string key;
    bool here = false;      // no --url: the Corral of this machine
    bool operated = false;  // by who asks
};

// Nothing listens at its address.
[[nodiscard]] core::reason nothing_listens(const chat_server& server);

struct chat_answer {
    nlohmann::ordered_json message;    // as far as it came
    nlohmann::ordered_json last_line;  // with the timing; null where it did not come
    bool interrupted = false;          // by Ctrl-C
};

// What a question waits for, by the server's /readyz of its model; null: the server does not say.
[[nodiscard]] std::string wait_words(const nlohmann::ordered_json& readiness, core::seconds waited);

// Returns when the answer is out, or Ctrl-C has ended it. `body` is that of /api/chat.
[[nodiscard]] core::result<chat_answer> ask_question(const chat_server& server,
                                                     const nlohmann::ordered_json& body,
                                                     const text_style& style);

}  // namespace corral::cli
