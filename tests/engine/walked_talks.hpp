#pragma once
// Conversations of two users with one model, as texts and as the ids of these, for random walks of the polled cycle: each
// turn begins with what was said, or with what a client made of it.

#include <array>
#include <cstdint>
#include <random>
#include <string>

#include "walked_cache.hpp"

namespace corral::engine::ax_poll {

class walked_talks {
public:
    explicit walked_talks(std::mt19937_64& random) : random_(random) {}

    [[nodiscard]] const token_ids& ids() const { return asked_.ids; }

    // The next prompt.
    void ask(run_spec& to, walked_cache& from) {
        if (random_() % 4 == 0) {
            which_ = random_() % all_.size();
        }
        asked_ = all_.at(which_);
        const std::uint64_t dice = random_() % 100;
        if (dice < 6 || asked_.ids.size() > 115) {
            asked_ = {};
        } else if (dice < 13) {
            asked_ = before_.at(which_);  // the last question is asked anew
        } else if (dice < 19 && !asked_.text.empty()) {
            asked_.text.pop_back();  // a client that trims
            asked_.ids.pop_back();
        }
        before_.at(which_) = asked_;
        asked_.text += "<" + std::to_string(++number_) + ">";
        for (std::uint64_t i = 1 + random_() % 24; i > 0; --i) {
            asked_.ids.push_back(from.fresh_id());
        }
        to.prompt = {};
        to.prompt.turns = asked_.text;
        to.prompt.verbatim = true;
        to.owner = which_ == 2 ? "bob" : "ann";
    }
    // A client keeps a whole answer, and sometimes what came of one that it left.
    void ended(run_end how, const std::string& text, const token_ledger& tokens) {
        const token_ids& all = tokens.all();
        const bool whole = how == run_end::stop || how == run_end::length;
        const std::size_t kept = whole ? tokens.count() : std::min(3 * text.size(), all.size());
        if (whole || random_() % 2 == 0) {
            answered(text, {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept)});
        }
    }

private:
    struct talk {
        std::string text;
        token_ids ids;
    };
    void answered(const std::string& text, const token_ids& ids) {
        all_.at(which_) = asked_;
        all_.at(which_).text += text;
        auto& to = all_.at(which_).ids;
        to.insert(to.end(), ids.begin(), ids.end());
    }

    std::mt19937_64& random_;
    std::array<talk, 3> all_;
    std::array<talk, 3> before_;
    talk asked_;
    std::size_t which_ = 0;
    int number_ = 0;
};

}  // namespace corral::engine::ax_poll
