#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

// ChatML as Qwen's templates write it: what the model reads.
namespace corral::sim {

struct template_options {
    std::string family = "qwen3";  // qwen2.5 has a persona where there is no system prompt
    bool thinks = true;            // qwen3 with enable_thinking false opens an empty thought
};

// Of an image part of a message.
inline constexpr std::size_t image_tokens = 400;

// Of `chat_template_kwargs`; true where it says nothing.
bool template_thinks(const nlohmann::json& body);

// Text of a message's content: a string, or the text parts of an array.
std::string content_text(const nlohmann::json& content);

// `messages`: an array of objects. Throws nlohmann::json::exception for anything else.
std::string render_chatml(const nlohmann::json& messages, const nlohmann::json& tools,
                          const template_options& options);

}  // namespace corral::sim
