#pragma once
// How long one instance of a model stays loaded (docs/facts/ollama_wire.md#keep-alive). Owns no timer and no
// backend: events in, orders out.
//
// | state     | event                               | next      |
// |-----------|-------------------------------------|-----------|
// | unloaded  | needed, load(), load_now()          | loaded    |
// | loaded    | idle for its stay, unload(), evict()| unloading |
// | unloading | stopped()                           | unloaded  |
//
// A model that somebody needs is never unloaded: those who wait when its end is asked for are served first,
// so that it is not loaded again for them. A model that is broken or restarting is loaded here: it is the
// supervisor's to bring back, and no stay runs out meanwhile.
//
// Where room is scarce it is loaded only by load_now(), and evict() unloads it even while requests wait
// for it.

#include <cstddef>
#include <optional>

#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"

namespace corral::scheduler {

// What to do with the backend now. After `stop` the answer is stopped(); `start` has none.
enum class residence_order { none, start, stop };

enum class residence_stage { unloaded, loaded, unloading };

// What there is of an instance. `absent`: it is not loaded, and nobody failed; `loading`: for the first time,
// or again; `leaving`: on its way down, its card memory comes back by itself.
// `renewing` is for tiers: it loads again, and not because it failed.
enum class presence { absent, loading, ready, broken, leaving, renewing };

struct residency_rule {
    // After each load, until a request says otherwise; nanoseconds::max(): for ever.
    core::nanoseconds usual_stay = core::nanoseconds::max();
    bool pinned = false;        // nobody's word but suspend() ends its stay
    bool needs_memory = false;  // to be needed is not enough to be loaded: see load_now()
};

class residency_policy {
public:
    explicit residency_policy(core::nanoseconds usual_stay) : residency_policy(residency_rule{usual_stay}) {}
    explicit residency_policy(residency_rule rule)
        : usual_(rule.pinned ? core::nanoseconds::max() : rule.usual_stay),
          stay_(usual_),
          pinned_(rule.pinned),
          needs_memory_(rule.needs_memory) {}

    // So many need the model now: requests that wait or run, and holds. Told again when time has passed: a
    // stay may have run out.
    [[nodiscard]] residence_order needed_by(std::size_t users, core::steady_time now);
    // A request begins to run; its value takes the place of the stay, none leaves it as it is. Zero: the
    // model goes when nobody needs it any more.
    void granted(std::optional<core::nanoseconds> keep_alive) noexcept;

    // Loads without needing it; the stay begins anew.
    [[nodiscard]] residence_order load(std::optional<core::nanoseconds> keep_alive, core::steady_time now);
    [[nodiscard]] residence_order unload(core::steady_time now);

    // There is room for it: it is loaded, if that may be, and stays for `stay`; absent: as usual.
    [[nodiscard]] residence_order load_now(std::optional<core::nanoseconds> stay) noexcept;
    // Another needs its room. REQUIRES: nobody runs on it.
    [[nodiscard]] residence_order evict(core::steady_time now);

    // What the backend is now, told at least whenever it changed. Others may start it too, and then it is
    // loaded.
    [[nodiscard]] residence_order observed(engine::availability_state state, core::steady_time now);
    // The stop that was ordered is over; `all`: nothing of the model lives any more.
    [[nodiscard]] residence_order stopped(bool all, core::steady_time now);
    // An operator's word: the model goes when nobody needs it any more, or `at_once`, and comes back only
    // by resume(), which loads it and tries a broken one again.
    [[nodiscard]] residence_order suspend(bool at_once, core::steady_time now);
    [[nodiscard]] residence_order resume(core::steady_time now);
    // Until admit() nothing is loaded, whoever asks; those who asked meanwhile are heard then.
    void hold_back() noexcept { admitted_ = false; }
    [[nodiscard]] bool admitted() const noexcept { return admitted_; }
    [[nodiscard]] residence_order admit(core::steady_time now);
    // Take the place of the usual stay, and of the present one where no request said otherwise. One that is pinned
    // from now on stays whatever requests said before; one that is no longer pinned stays as usual.
    [[nodiscard]] residence_order set_rule(core::nanoseconds usual, bool pinned, core::steady_time now);
    // From now on no orders.
    void close() noexcept;

    [[nodiscard]] residence_stage stage() const noexcept { return stage_; }
    // When needed_by() is wanted again. Set only while the model is loaded, ready and needed by nobody.
    [[nodiscard]] std::optional<core::steady_time> expires() const noexcept { return expires_; }
    // For people: the same, or when the unloading began that goes on now.
    [[nodiscard]] std::optional<core::steady_time> unloads_at() const noexcept {
        return stage_ == residence_stage::unloading ? unload_began_ : expires_;
    }
    // From the moment when nobody needs it any more, as things stand.
    [[nodiscard]] core::nanoseconds stay() const noexcept {
        return unload_when_idle_ || suspended_ ? core::nanoseconds{0} : stay_;
    }
    // What the backend was when last seen.
    [[nodiscard]] engine::availability_state seen() const noexcept { return seen_; }
    [[nodiscard]] std::size_t users() const noexcept { return users_; }

private:
    [[nodiscard]] residence_order settle(core::steady_time now);
    [[nodiscard]] residence_order settle_loaded(core::steady_time now);
    [[nodiscard]] residence_order leave(core::steady_time now);
    void set_stay(core::nanoseconds stay) noexcept;
    [[nodiscard]] bool may_load() const noexcept { return admitted_ && !suspended_; }

    core::nanoseconds usual_;
    core::nanoseconds stay_;
    bool pinned_;
    bool needs_memory_;
    residence_stage stage_ = residence_stage::unloaded;
    engine::availability_state seen_ = engine::availability_state::stopped;
    std::size_t users_ = 0;
    bool wanted_ = false;            // load() asked for it while it could not be done
    bool unload_when_idle_ = false;  // as soon as nobody needs it
    bool admitted_ = true;
    bool suspended_ = false;
    bool closed_ = false;
    std::optional<core::steady_time> expires_;
    std::optional<core::steady_time> unload_began_;
};

}  // namespace corral::scheduler
