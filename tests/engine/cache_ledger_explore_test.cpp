// Every order of turns on a small cache: each prompt that a client may come with, each way to end a run.

#include <cstddef>
#include <cstdint>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/dialects/ax_poll/cache_ledger.hpp"
#include "explorer.hpp"
#include "modelled_cache.hpp"

namespace corral::engine::ax_poll {
namespace {

constexpr catalog::context_sizes sizes{.positions = 9, .prompt_limit = 8, .chunk = 2, .vocabulary = 10};
constexpr std::size_t longest_answer = 4;

class explored_cache {
public:
    enum class prompt { another, longer, much_longer, same, shorter, edited };
    enum class ending {
        natural,    // of itself, or as the context is used up
        held,       // by a stop that was accepted while the last piece waited
        late,       // as held, and one more piece came
        anywhere,   // by a stop at any moment: the last row stands in some layers
        prefill,    // by a stop before any piece
        unplanned,  // something that leaves everything in doubt
        forgotten,  // a new process, or somebody else, before it is concluded
    };
    struct step {
        prompt asks = prompt::another;
        bool other_owner = false;
        ending how = ending::natural;
        std::size_t made = 1;    // ids of the answer
        unsigned stops = 0;      //
        bool whole = true;       // the last call repeats all pieces
        std::size_t layers = 0;  // of the last row
        bool ahead = false;      // no run: the prompt is computed before anybody asks
    };
    static constexpr bool merges = true;

    // `anyone` may go on with what another left, as configured.
    explicit explored_cache(bool anyone) : anyone_(anyone) {}

    [[nodiscard]] static std::vector<step> possible() {
        std::vector<step> all;
        for (const prompt asks : {prompt::another, prompt::longer, prompt::much_longer, prompt::same,
                                  prompt::shorter, prompt::edited}) {
            for (step each : endings()) {
                each.asks = asks;
                all.push_back(each);
            }
            all.push_back({.asks = asks, .ahead = true});
        }
        // Whose it is decides nothing behind the plan.
        all.push_back({.asks = prompt::another, .other_owner = true});
        all.push_back({.asks = prompt::longer, .other_owner = true});
        return all;
    }
    std::string happen(const step& what) {
        const std::string owner = what.other_owner ? "bob" : "ann";
        const token_ids ids = asked(what.asks);
        if (what.ahead) {
            if (ids.size() < 2 || ids.size() > sizes.prompt_limit) {
                return {};
            }
            cache_.reset(ids);
            ledger_.on_reset(owner, ids);
            said_ = ids;
            owner_ = owner;
            return known_wrongly();
        }
        const cache_plan plan = ledger_.plan(ids, sizes, owner, anyone_);
        if (plan.how == cache_plan::way::refuse) {
            return ids.size() <= sizes.prompt_limit ? "a prompt that fits is refused" : "";
        }
        if (plan.how == cache_plan::way::reset) {
            cache_.reset();
            ledger_.on_reset(owner);
        } else if (owner != owner_ && !anyone_) {
            return "a prompt is put behind what somebody else has left";
        }
        owner_ = owner;
        const token_ids beginning(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(plan.held));
        if (!cache_.holds(beginning)) {
            return "a prompt stands behind other rows than its own";
        }
        ledger_.on_sent(ids, plan.held);
        if (ledger_.known()) {
            return "what the cache holds is known while a run goes on";
        }
        run(ids, plan.held, what);
        return known_wrongly();
    }
    // A conversation that ends well is gone on with.
    [[nodiscard]] std::string comes_to_rest() const {
        explored_cache well = *this;
        std::string wrong = well.happen({});
        wrong = wrong.empty() ? well.happen({.asks = prompt::longer, .made = 2}) : wrong;
        const bool goes_on = well.ledger_.plan(well.asked(prompt::longer), sizes, "ann", anyone_).how ==
                             cache_plan::way::go_on;
        return !wrong.empty() || goes_on ? wrong : "a whole answer is not gone on from";
    }
    [[nodiscard]] std::string seen() const {
        std::string out =
            (anyone_ ? "*" : "-") + cache_.seen() + '|' + owner_ + '|' + std::to_string(conversation_) + '|';
        out += told(said_) + '|' + (ledger_.known() ? told(ledger_.held()) : "?");
        for (const bool flag :
             {ledger_.warm(), ledger_.ahead(), ledger_.in_flight(), ledger_.held_for("ann", false) != nullptr,
              ledger_.held_for("bob", false) != nullptr}) {
            out += flag ? '1' : '0';
        }
        return out;
    }
    static std::string told(const step& of) {
        std::string out;
        for (const auto& [name, value] : {std::pair("prompt", static_cast<std::size_t>(of.asks)),
                                          {"other owner", of.other_owner},
                                          {"ending", static_cast<std::size_t>(of.how)},
                                          {"made", of.made},
                                          {"stops", of.stops},
                                          {"whole", of.whole},
                                          {"layers", of.layers},
                                          {"ahead", of.ahead}}) {
            out += std::string(name) + ' ' + std::to_string(value) + ", ";
        }
        return out;
    }

private:
    static std::string told(const token_ids& ids) {
        std::string out;
        for (const std::int64_t id : ids) {
            out += std::to_string(id);
        }
        return out;
    }
    static std::vector<step> endings() {
        std::vector<step> all;
        for (std::size_t made = 1; made <= longest_answer; ++made) {
            for (const bool whole : {true, false}) {
                all.push_back({.how = ending::natural, .made = made, .whole = whole});
                all.push_back({.how = ending::late, .made = made, .stops = 1, .whole = whole});
                for (unsigned stops = 1; stops <= 2; ++stops) {
                    all.push_back({.how = ending::held, .made = made, .stops = stops, .whole = whole});
                }
                for (std::size_t layers = 0; layers <= modelled_cache::layers; ++layers) {
                    all.push_back({.how = ending::anywhere,
                                   .made = made,
                                   .stops = 1,
                                   .whole = whole,
                                   .layers = layers});
                }
            }
        }
        all.push_back({.how = ending::prefill, .stops = 1});
        all.push_back({.how = ending::prefill, .stops = 2});
        all.push_back({.how = ending::unplanned, .made = 3});
        all.push_back({.how = ending::forgotten, .made = 3});
        return all;
    }
    // Ids tell the conversation, and a question from an answer.
    [[nodiscard]] std::int64_t question() const { return 1 + 2 * conversation_; }
    [[nodiscard]] token_ids asked(prompt what) {
        token_ids ids = said_;
        switch (what) {
            case prompt::another:
                conversation_ = 1 - conversation_;
                return {question(), question()};
            case prompt::longer:
                ids.push_back(question());
                return ids;
            case prompt::much_longer:
                ids.insert(ids.end(), 4, question());
                return ids;
            case prompt::same:
                break;
            case prompt::shorter:
                ids.resize(ids.size() - std::min<std::size_t>(ids.size(), 1));
                break;
            case prompt::edited:
                if (!ids.empty()) {
                    ids.back() += ids.back() % 2 == 0 ? -1 : 1;
                }
                ids.push_back(question());
                break;
        }
        return ids.empty() ? token_ids{question()} : ids;
    }
    void run(const token_ids& ids, std::size_t held, const step& what) {
        finished_run out;
        out.as_planned = what.how != ending::unplanned;
        out.stops = what.stops;
        cache_.prefill({ids.begin() + static_cast<std::ptrdiff_t>(held), ids.end()});
        said_ = ids;
        if (what.how == ending::prefill) {
            cache_.stopped_in_prefill();
            out.answer = {question() + 1};
            out.calls = 1;
            out.before_piece = true;
        } else {
            write(out, what, sizes.positions - ids.size() + 1);
        }
        if (what.how == ending::forgotten) {
            ledger_.forget();
            cache_ = modelled_cache(sizes.positions);
        }
        ledger_.conclude(out, sizes);
    }
    void write(finished_run& out, const step& what, std::size_t room) {
        const std::size_t made = std::min(what.made, room);
        const bool used_up = made == room;
        out.answer.assign(made, question() + 1);
        out.calls = static_cast<std::uint32_t>((made + 2) / 3 + 1);
        out.whole = what.whole;
        for (std::size_t i = 0; i + 1 < made; ++i) {
            cache_.step(out.answer[i]);
        }
        const bool by_piece = what.how == ending::held || what.how == ending::late;
        if (by_piece) {
            out.held_piece = made % 3 == 0 ? 3 : made % 3;
            out.piece_after = what.how == ending::late;
        }
        const bool unread = what.how == ending::held && out.held_piece == 3;
        const bool torn = what.how == ending::late || what.how == ending::anywhere;
        if (what.how == ending::unplanned) {
            cache_.reset();
        } else if (!used_up && !unread) {
            cache_.step(out.answer.back(), torn ? what.layers : modelled_cache::layers);
        }
        cache_.done();
        said_.insert(said_.end(), out.answer.begin(), out.answer.end());
    }
    [[nodiscard]] std::string known_wrongly() const {
        return ledger_.known() && !cache_.holds(ledger_.held()) ? "the cache has other rows than is known"
                                                                : "";
    }

    bool anyone_;
    modelled_cache cache_{sizes.positions};
    cache_ledger ledger_;
    token_ids said_;  // the conversation, as its client has it
    std::string owner_;
    int conversation_ = 0;
};

TEST(cache_ledger_explore, every_order_of_turns_keeps_to_the_rows_of_the_cache) {
    test::explorer<explored_cache> all(2);
    all.explore(explored_cache(false));
    all.explore(explored_cache(true));
    all.expect_all_well("cache ledger");
}

}  // namespace
}  // namespace corral::engine::ax_poll
