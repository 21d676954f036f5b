#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "scenario.hpp"
#include "vocabulary.hpp"

// One tokenizer object of the service: the conversation and the decode cache that belong to a uid
// (docs/facts/vendor_ax.md#tokenizer-semantics, the scripts qwen3_tokenizer_uid.py and
// qwen2.5_tokenizer_uid.py).
namespace corral::sim {

// What the chat template raises; the service then answers 200 with an empty body.
class template_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct encoded_turn {
    token_ids all;
    token_ids diff;  // what follows the baseline, by length
};

class conversation {
public:
    explicit conversation(const tokenizer_options& options);

    // An empty prompt is the built-in persona.
    token_ids reset(const std::string& system_prompt);
    encoded_turn encode(const std::string& text, const std::string& last_reply);
    // Text of everything cached once it is whole characters; "" until then, which for qwen3 may be for ever.
    std::string decode(const token_ids& ids);

    void mute();
    std::size_t cached_ids() const { return cache_.size(); }
    // What the scripts print to their stdout while they work.
    std::string take_printed();

private:
    struct message {
        std::string role;
        std::string content;
    };

    token_ids ids_of(const std::string& text) const;
    token_ids baseline_ids() const;
    std::string render() const;

    tokenizer_options options_;
    std::vector<message> messages_;
    token_ids baseline_;
    token_ids cache_;
    std::string printed_;
};

}  // namespace corral::sim
