#pragma once
// Names of the roles, as Ollama and its Modelfiles write them.

#include "corral/chat/generation_request.hpp"

namespace corral::api {

[[nodiscard]] inline const char* role_word(chat::role role) {
    switch (role) {
        case chat::role::system:
            return "system";
        case chat::role::assistant:
            return "assistant";
        case chat::role::tool:
            return "tool";
        case chat::role::user:
            break;
    }
    return "user";
}

}  // namespace corral::api
