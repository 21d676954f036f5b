#pragma once
// Who runs next: a bounded queue, first come first served within a client, round robin between clients, and
// leases on ready backends. A released lease is scrubbed by the backend itself (engine::backend::run), so the
// next borrower finds it clean. It also decides which models are loaded, where, and for how long: a request
// for one that is not there loads it, in free card memory or in that of another.
//
// A backend whose capacity() is n has up to n leases at once.
//
// A model may have several *tiers* (model_entry::tier of its backends): the later ones stand in while none
// before them can serve. Each request goes to the tier that serves when its turn comes; see tier_policy.hpp
// for which that is. Tiers are loaded along with the model, where that costs nobody anything, but for those
// whose model_entry::preload is false, which are loaded when they are needed.
//
// A model may have several backends, its *instances*, each on cards of its own: one queue, and the least
// loaded ready one serves. Further instances are loaded only in free card memory, while requests wait, and
// are the first to be evicted.
//
// The rule of swaps. While requests wait for model M, which needs the card memory of loaded model R:
//   - nobody waits for R: R gets nothing more to do, its running answer ends, R is evicted, M is loaded;
//   - else R has a time slice: at most `max_overtakes` further requests, and no longer than the patience of M
//     (twice what M takes to load, from 10 s to 2 min), both counted from when M began to wait, or R to be
//     ready if that was later. Then as above. While only jobs wait for R and a person for M, both are counted from
//     when R was ready; a running job gives way then (people_wait()).
// M waits since its oldest request came, or since M was last evicted if that was later; of several waiting
// models the one that waits longest goes first. So models that want the same card memory have it in turn, and
// with k of them a model that begins to wait is loaded after at most (k - 1) time slices of at most
// max_overtakes + 1 grants each, the running answer included. A pinned model is never evicted, a running
// answer is never cut, and an idle model goes before one in use: the one that would expire first, then the
// least recently used.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/chat/generation_event.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/strong_id.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"

namespace corral::scheduler {

// The numbers in the rule of swaps.
struct swap_rule {
    unsigned max_overtakes = 8;  // 1 to 1000
    core::nanoseconds least_patience = core::seconds{10};
    core::nanoseconds most_patience = core::seconds{120};
    // A model that has not become ready for so long since its load began is evicted like one whose time
    // slice has expired.
    core::nanoseconds longest_load = core::seconds{600};
};

// One that was removed or replaced while it was loaded, until its processes have stopped.
struct leaving_runtime {
    std::string model;
    unsigned tier = 0;
    engine::device_claim claim;
};

struct scheduler_options {
    // Waiting requests over all clients; more are refused (docs/facts/ollama_wire.md#errors).
    std::size_t max_queue = 512;
    // How long a model stays loaded after its last request when neither it nor its model_entry said
    // otherwise; nanoseconds::max(): forever.
    core::nanoseconds keep_alive = core::nanoseconds::max();
    // For unloading; beyond the longest stop ladder of any profile.
    core::milliseconds stop_limit{60'000};
    // What the models of this server may use of that card in all, those loaded included, in MiB; nothing, or
    // an empty function: not known, and then nobody waits for memory there. Asked often, must be cheap and not
    // throw.
    std::function<std::optional<std::uint64_t>(unsigned card)> usable_mb = nullptr;
    // True: the cards are being looked at for the first time, and nothing is loaded before it is known what fits. As
    // usable_mb; look() or preload() tells of the end.
    std::function<bool()> unseen = nullptr;
    // They still take their memory, ports and places; may be empty. As usable_mb; look() tells of a change.
    std::function<std::vector<leaving_runtime>()> leaving = nullptr;
    // Instances loaded at once, over all cards (OLLAMA_MAX_LOADED_MODELS; a model with two instances
    // counts twice); 0: as many as fit.
    unsigned max_loaded = 0;
    swap_rule swaps = {};
    // How long an instance that has just answered is kept for the same conversation at most, where that saves more
    // than it costs other clients (conversation_hold.hpp). 0: never.
    core::nanoseconds conversation_hold{0};
};

// Where a request waits. Clients are served in turn, one request each a round, and a client that was not
// waiting goes before those served since; so this is how things stand now, and others may come between later.
struct queue_place {
    std::size_t ahead = 0;  // requests that run before it, the running one included
    // Until its turn, at least 1 s: from what leases and loads usually take, less what has passed of the
    // present ones. Unknown before one of each that it depends on was measured.
    std::optional<core::seconds> estimate;
    bool loads = false;  // the model is on its way; what the runtime says of that counts in the estimate
};

struct admission_request {
    std::string id;
    std::string client;    // key of fairness
    std::string model;     // resolved name
    core::deadline until;  // one whose turn comes later, as far as that is known, is refused at once
    // Requests that were admitted before and lost their runtime go before new ones of the same client and are
    // never refused for a full queue.
    bool readmission = false;
    // It hung its runtime: all that wait now go before it, and nobody who comes later.
    bool behind = false;
    // Of a job, for whose answer nobody waits: those of people go before it (client_ring.hpp).
    bool batch = false;
    // One whose answer makes way for a person at its next piece, so that nobody is told to wait for its end, but for its
    // first piece (lease::text_begins).
    bool yields = false;
    // How long the model stays after this request, from its turn on; absent: as before. Zero: it is unloaded
    // when nobody needs it any more.
    std::optional<core::nanoseconds> keep_alive;
    // Told once, before the wait, if there is one (for a turn, or for the model to load); not for a
    // readmission. Must not throw.
    std::function<void(const queue_place&)> on_queued;
    // How many bytes of its prompt that backend holds computed (engine::backend::held_bytes): it goes there, where
    // nobody is passed for that more often than by newcomers. May be empty, or 0 for want of knowledge; asked while it
    // waits, must not throw.
    std::function<std::size_t(const engine::backend&)> held;
};

// Why the requests of a suspended model are refused, for clients.
[[nodiscard]] core::reason suspension_text(std::string_view model);

// `retry_after` is from measured service time, at least 1 s.
using refusal = chat::failure;

// The right to one of the places of one ready backend. Move-only; ends by destruction, which only tells the
// scheduler.
class lease {
public:
    [[nodiscard]] engine::backend& operator*() const noexcept { return *held_; }
    [[nodiscard]] engine::backend* operator->() const noexcept { return held_.get(); }
    // From now on the answer has pieces at which it can make way; any number of times.
    void text_begins() {
        if (const auto tell = std::exchange(begins_, nullptr)) {
            tell();
        }
    }
    lease(lease&&) noexcept = default;
    lease& operator=(lease&&) noexcept = default;
    ~lease() = default;

private:
    friend class scheduler;
    lease(std::shared_ptr<engine::backend> held, std::function<void()> begins)
        : held_(std::move(held)), begins_(std::move(begins)) {}
    std::shared_ptr<engine::backend> held_;  // borrowed: its deleter tells the scheduler
    std::function<void()> begins_;           // of one that yields, until it is called
};

struct queue_snapshot {
    std::size_t waiting = 0;
    std::size_t running = 0;
    // Until the turn of a request that would come now from a client that has none waiting; 0: at once. With
    // several models the longest of those that are loaded.
    std::optional<core::seconds> estimate;
    // For those who watch over progress: leases granted so far; requests that wait for a backend that is
    // ready and free, which never lasts; by how much the lease that is longest overdue has passed its
    // request's deadline.
    std::uint64_t granted = 0;
    std::size_t neglected = 0;
    core::nanoseconds overdue{0};
    // So far: loads that had to wait for another to make room; process sets unloaded to make room; leases
    // granted on a model in whose room an earlier request wanted another one.
    std::uint64_t swaps = 0;
    std::uint64_t evictions = 0;
    std::uint64_t overtaken = 0;
};

// Requests of one model.
struct model_queue {
    std::size_t waiting = 0;
    std::size_t running = 0;  // also on what a reload has replaced
    // Why the model is not being loaded though somebody waits for it, without its end:
    // "waits for room on card 0, which qwen3:4b holds until its running answer ends". Else empty.
    core::reason why = {};
    // `why` tells that nothing can be unloaded that would make enough room: who waits is refused.
    bool impossible = false;
};

// A request that waits for its turn.
struct waiting_request {
    std::string id;
    std::string model;
    core::steady_time since;
    queue_place place;
};
// What a request for a model would find that came now, from a client that has none waiting.
struct outlook {
    std::size_t waiting = 0;
    std::size_t running = 0;
    std::size_t places = 1;  // answers at once, by what is loaded or on its way; at least 1
    std::optional<core::seconds>
        estimate;             // until its turn, 0: at once; unknown before anything was measured
    bool needs_room = false;  // it is not loaded, and would have to wait for another to be unloaded
};

// How long a model stays loaded.
struct residence {
    bool loaded = false;  // or on its way to be, or being unloaded; not while it is broken
    // When it is unloaded if no request comes, or when the unloading began that goes on. Nothing: never, or
    // not while somebody needs it or it is not ready.
    std::optional<core::steady_time> expires;
    // How long it will stay after the last request that needs it, as things stand; nanoseconds::max(): for
    // ever.
    core::nanoseconds stay{0};
    bool pinned = false;  // `stay` is for ever, and only an operator's word ends it
};

// One process set of a model.
struct instance_state {
    engine::backend* backend = nullptr;
    bool loaded = false;         // as residence::loaded
    engine::device_claim claim;  // what it takes, or would take
    std::size_t in_use = 0;      // leases on it
};

// Which tier of a model serves.
struct tier_report {
    unsigned serving = 0;
    std::string label;          // of that tier's first place (catalog::label_of)
    std::uint64_t changes = 0;  // of the tier that serves, so far
    std::string why;            // of the last change, one plain sentence; empty: there was none
};

// A backend for questions beside its runs (engine::backend::count_beside). It is no place of its capacity, and keeps
// it from being destroyed, not from being stopped; so hold it for seconds.
using reader = std::shared_ptr<engine::backend>;

// Keeps a model from being unloaded while any copy lives.
using model_hold = std::shared_ptr<void>;

class scheduler {
public:
    scheduler(core::executor on, const core::clock_source& clock, scheduler_options options);
    ~scheduler();

    // `runtime` is borrowed and must outlive the scheduler, or remove() or replace(). One whose model's name
    // is there already is a further instance of that model; pins, keep-alive and how many may be loaded are
    // then those of the first. Nothing is loaded before somebody asks.
    void add(engine::backend& runtime);

    // Loads, in the order of add() but pinned ones first, what has `preload` and fits without unloading
    // anything; then their further instances. The rest is left for those who ask.
    void preload();
    // The same for one model, whatever its `preload`.
    void preload(std::string_view model);
    // Loads `model` unless it is there, and lets it stay for `keep_alive` from now, or from its being ready;
    // absent: as before. A broken one is tried again. It may have to wait for room, as a request would.
    void load(std::string_view model, std::optional<core::nanoseconds> keep_alive);
    // Unloads all instances of `model` as soon as nobody needs it: those who run or wait then are served
    // first, so that it is not loaded again for them. A request that comes later loads it again. False, and
    // no effect: it is pinned. So the keep_alive of requests for a pinned model has no effect either; Ollama
    // knows no pins, and an owner's configuration goes before a client's wish.
    bool unload(std::string_view model);
    // Loads `model` unless it is there, and keeps it so for as long as the rule of swaps allows; for those
    // who want it loaded without a lease. nullptr: no such model.
    [[nodiscard]] model_hold hold(std::string_view model);
    // Of the model as a whole: loaded when any instance is, and expires when the last one does.
    [[nodiscard]] residence residence_of(std::string_view model) const;
    // Nothing: no such model, or one without fallbacks.
    [[nodiscard]] std::optional<tier_report> tiers_of(std::string_view model) const;
    // In the order of add() or replace(); empty: no such model.
    [[nodiscard]] std::vector<instance_state> instances_of(std::string_view model) const;

    // An operator's word, which no request overrides. suspend(): all that wait or come for `model` are
    // refused, the running one ends (or its runtime goes under it: `at_once`), then the model is unloaded,
    // until resume(). resume() also loads it, and tries a broken one again. No effect on an unknown model.
    void suspend(std::string_view model, bool at_once);
    void resume(std::string_view model);
    [[nodiscard]] bool suspended(std::string_view model) const;

    // What the options said, from now on.
    void adjust(const scheduler_options& with);
    // One of scheduler_options::leaving has gone.
    void look();
    // Forgets `model`: those who wait for it are refused, running leases go on. See wait_unleased().
    void remove(std::string_view model);
    // As add(), in the place of the backends with that model's name: who waited for those waits for these,
    // which may be more or fewer, at least one, all of the same name. One that was there already stays as it
    // is. Nothing starts the others, also of a name that is new, and nobody gets them before admit(). A suspended model
    // stays so.
    void replace(const std::vector<engine::backend*>& successors);
    void replace(engine::backend& successor) { replace(std::vector<engine::backend*>{&successor}); }
    void admit(std::string_view model);
    // One that is ready now. nullptr: none is, the model is suspended, or it has tiers, of which another may serve when
    // a turn comes.
    [[nodiscard]] reader read(std::string_view model) const;
    // True when nobody has a lease on `runtime` or reads it, before `until`. One that was removed or replaced is not
    // touched any more then, and may be destroyed once the loop has run what was ready to run.
    [[nodiscard]] core::awaitable<bool> wait_unleased(const engine::backend& runtime, core::deadline until);
    // What runs `model` now: the first of its instances that is ready, else that is loading, else the first;
    // nullptr: no such model. Its availability_changed() rings when another does.
    [[nodiscard]] engine::backend* runtime_of(std::string_view model) const;
    // All of them; empty: no such model.
    [[nodiscard]] std::vector<engine::backend*> runtimes_of(std::string_view model) const;

    // Waits for the turn of `who` on a ready backend of the model; one that was unloaded is loaded. A
    // cancelled coroutine leaves the queue. Refused at once: unknown model, full queue, all backends broken
    // (with the first one's reason), no room that could ever be made (cause "no-room"), suspended, shutting
    // down; later: timed_out, or one of these came about, or the model was removed. The lease may be of
    // another backend than the one that ran the model when the wait began.
    [[nodiscard]] core::awaitable<boost::system::result<lease, refusal>> acquire(admission_request who);

    // From now on every acquire, waiting ones included, is refused with shutting_down. Rings every backend's
    // availability_changed(), for those who wait for a model outside the queue.
    void refuse_new();
    [[nodiscard]] bool refuses_new() const noexcept;
    // True when no lease is out before `until`.
    [[nodiscard]] core::awaitable<bool> wait_idle(core::deadline until);

    [[nodiscard]] queue_snapshot snapshot() const noexcept;
    // At most `most` of them, oldest first.
    [[nodiscard]] std::vector<waiting_request> waiting(std::size_t most) const;
    // Of the request with that id, as it looks now; nothing: it does not wait.
    [[nodiscard]] std::optional<queue_place> place_of(std::string_view request) const;
    [[nodiscard]] model_queue queue_of(std::string_view model) const;
    // A request that is none of a job waits for what runs on that backend of `model`, so that one of a job may give way:
    // for `model` (0), or for another one in its room; then to load both once more takes so long, as far as known.
    // Nothing: none does, or not yet.
    [[nodiscard]] std::optional<core::nanoseconds> people_wait(std::string_view model,
                                                               const engine::backend& on) const;
    // Of an unknown model: nobody waits.
    [[nodiscard]] outlook outlook_of(std::string_view model) const;

private:
    struct impl;
    std::shared_ptr<impl> impl_;
};

}  // namespace corral::scheduler
