#pragma once
// What the answers of all event streams of JSON have in common: events of which the last is "[DONE]", or one
// whole answer in their place, cut anywhere. What an event says is a dialect's to know. No I/O.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/streaming/event_lines.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::streaming {

class event_answer : public answer_reader {
public:
    // An event may hold 192 KiB and 6,000 values, a whole answer 384 and 40,000: each is read in one go, which holds
    // the loop.
    [[nodiscard]] core::result<void> feed(std::string_view bytes, std::vector<answer_part>& out) final;
    [[nodiscard]] core::result<void> finish(std::vector<answer_part>& out) final;

protected:
    // `event` is an object, `data` what it was read from.
    [[nodiscard]] virtual core::result<void> take(const nlohmann::json& event, const std::string& data,
                                                  std::vector<answer_part>& out) = 0;
    // True where a dialect knows what `data` says without its being parsed.
    [[nodiscard]] virtual bool take_unparsed(std::string_view, std::vector<answer_part>&) { return false; }

private:
    [[nodiscard]] core::result<void> take_data(const std::string& data, std::vector<answer_part>& out);

    event_lines lines_;
    std::vector<std::string> events_;
    std::string whole_;  // of an answer that is no event stream
    bool begun_ = false;
    bool is_whole_ = false;
    bool ended_ = false;
};

// Of an event and of a whole answer in JSON, numbers and objects alike: 256 KiB of them cost the loop ten times what one text of that size costs. Some
// forty tokens with their twenty likeliest are as many.
inline constexpr std::size_t most_values = 6'000;
inline constexpr std::size_t most_values_of_whole = 40'000;
// How many values a JSON text has, by what stands outside of its texts; it need not be JSON.
[[nodiscard]] std::size_t values_in(std::string_view json) noexcept;
// Empty where there is no text of that name.
[[nodiscard]] std::string text_in(const nlohmann::json& object, const char* key);
// A finish_reason, where `choice` has one.
void take_finish(const nlohmann::json& choice, std::vector<answer_part>& out);

}  // namespace corral::engine::streaming
