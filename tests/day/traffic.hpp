#pragma once
// What a day's people and programs ask of one model. The shapes are assumptions, stated here and in docs/benchmarks.md.

#include <cstdint>
#include <string>
#include <vector>

#include "corral/core/time.hpp"

namespace corral::day {

enum class kind {
    home,          // Home Assistant: short commands behind a clock, instructions and states
    quiet_home,    // the same with states that stay
    family,        // chats in Open WebUI, mostly in the evening
    quiet_family,  // the same without titles, tags and follow-up questions
    office,        // ten people in Open WebUI, beside a job that runs from the night into the morning
    echo,          // long chats, and a program of another key that asks 2 to 3 s after a third of the answers
};

struct turn {
    core::nanoseconds pause{0};  // of its user, behind the last answer
    std::string words;
    std::string answer;
};

// One conversation.
struct talk {
    core::nanoseconds begins{0};  // from midnight
    std::string client;           // and key
    bool job = false;             // its key is among those of [batch]
    bool page = false;            // a title and tags behind its first answer, follow-up questions behind each
    bool echoed = false;          // behind some of its answers another program asks
    std::string system;
    std::vector<turn> turns;
};

// A home whose states change by themselves and by commands.
class house {
public:
    house(std::uint64_t seed, bool lives);
    void toggle(std::size_t lamp, core::nanoseconds at);
    // The system prompt of a request at that time of day.
    [[nodiscard]] std::string text(core::nanoseconds at) const;
    static constexpr std::size_t lamps = 30;

private:
    struct device {
        std::string name;
        std::vector<core::nanoseconds> changes;
    };
    std::vector<device> devices_;
};

struct traffic {
    std::vector<talk> talks;
    house home;  // of the talks without a system prompt of their own, where `at_home`
    bool at_home = false;
};

[[nodiscard]] traffic traffic_of(kind what, std::uint64_t seed);

// A request of Open WebUI beside a chat.
[[nodiscard]] std::string task_beside(const std::string& what, const std::string& last_words,
                                      const std::string& last_answer);

}  // namespace corral::day
