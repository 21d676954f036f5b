#pragma once
// What is served, by name: the models of the configuration, and the variants that clients laid over them.

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/core/async.hpp"
#include "corral/engine/backend.hpp"

namespace corral::generation {

// What a client gave a name of its own (POST /api/create). Empty or absent: as the model below has it.
struct model_variant {
    std::string system;
    std::string prompt_template;                                           // a Go template
    nlohmann::ordered_json parameters = nlohmann::ordered_json::object();  // as given, for showing
    chat::sampling sampling;                                               // what they mean
    chat::limits limits;
    std::vector<chat::message> messages;  // before those of a request
    std::string license;
    bool on_disk = false;  // all of the above is: see model_directory::whole()
};

// A model this server offers, with what runs it. `entry` is borrowed unless `owned` holds it; the backends
// are borrowed, and outlive whoever holds this (model_directory::holders_of()). A variant shares both with the
// model below it, an alias with the model it is one of.
struct served_model {
    const catalog::model_entry* entry = nullptr;
    engine::backend* runtime = nullptr;  // the first of its instances
    std::string name{};  // display form with tag; the directory fills it, and the next two, from `entry`
    std::string digest{};
    std::chrono::system_clock::time_point modified{};
    std::shared_ptr<const model_variant> variant{};  // nullptr: the model itself
    // What the scheduler knows it by: the name of the model whose processes run it. Models that are started
    // alike share them, so that going from one to the other takes a reset only. The directory fills it from
    // `entry` where it is empty.
    std::string deployment{};
    std::vector<engine::backend*> instances{};  // empty: `runtime` alone
    std::shared_ptr<const catalog::model_entry> owned{};
    // What stands in for it, in order (model_entry::tier, from 1): each with its own `entry`, `runtime` and
    // `instances`, and nothing else. See tier_of().
    std::vector<served_model> tiers{};
    // One of them.
    [[nodiscard]] bool runs_on(const engine::backend* which) const noexcept {
        return which == runtime || std::find(instances.begin(), instances.end(), which) != instances.end();
    }
};

// Held by requests on their way, so that a variant can be deleted meanwhile.
using served = std::shared_ptr<const served_model>;

// `model` as the tier that `which` is of runs it: the same names and variant, but that tier's own entry and
// backends. It holds `model`. `model` itself where that is the tier, or none is.
[[nodiscard]] served tier_of(const served& model, const engine::backend& which);

class model_directory {
public:
    explicit model_directory(std::vector<served_model> all);

    [[nodiscard]] const std::vector<served>& all() const noexcept { return all_; }
    // By a name as typed: any case, missing tag = latest, white space around it ignored
    // (docs/facts/ollama_wire.md#names). nullptr: none.
    [[nodiscard]] served find(std::string_view typed) const;

    // Adds a model, or takes the place of the one with that name.
    void put(served_model model);
    // False: there is none of that name.
    bool remove(std::string_view typed);
    void remove_all(const std::function<bool(const served_model&)>& which);

    // All that point at `which`: those offered, and those that were replaced or removed and are held still, however
    // long ago.
    [[nodiscard]] std::vector<std::weak_ptr<const served_model>> holders_of(
        const engine::backend& which) const;

    // How a variant whose content is on the disk is read: nullptr when it can't be.
    using reader = std::function<core::awaitable<served>(served)>;
    void read_with(reader how) { read_ = std::move(how); }
    // `model` with the content of its variant, wherever that is; nullptr: it can't be read, or `model` is.
    [[nodiscard]] core::awaitable<served> whole(served model) const;

private:
    void index_again();
    void note_former(const served& gone);

    std::vector<served> all_;
    std::vector<std::weak_ptr<const served_model>> former_;  // that were in `all_`
    std::size_t most_former_ = 0;                            // before the next look which of them are held
    std::unordered_map<std::string, std::size_t> places_;    // by display form in lower case
    reader read_;
};

}  // namespace corral::generation
