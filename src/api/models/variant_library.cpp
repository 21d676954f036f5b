#include "corral/api/variant_library.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/models/model_parameters.hpp"
#include "api/models/variant_document.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/catalog/package_survey.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace {

core::failure is_the_configurations(const std::string& name) {
    return core::make_failure(core::errc::refused,
                              "model '" + name +
                                  "' is one of this server's configuration: change or remove it there, or "
                                  "choose another name");
}

generation::served_model laid_over(const generation::served_model& base, variant_document document) {
    generation::served_model out;
    out.entry = base.entry;
    out.runtime = base.runtime;
    out.lane = base.lane;
    out.instances = base.instances;
    out.tiers = base.tiers;
    out.owned = base.owned;
    out.name = std::move(document.name);
    const auto digest = catalog::sha256_hex(base.entry->digest + "\n" + to_text(document.content));
    out.digest = digest ? *digest : base.entry->digest;
    out.modified = document.modified;
    out.variant = std::make_shared<const generation::model_variant>(std::move(document.content));
    return out;
}

// Said once, when the variant comes: each of its requests would have the same to say.
void tell_unused(const generation::served_model& model) {
    for (const std::string& name : unused_parameters(model.variant->parameters)) {
        telemetry::log().info("model {}: its parameter {} has no effect with this runtime", model.name, name);
    }
}

}  // namespace

bool is_configured(const generation::model_directory& models, std::string_view typed) {
    const generation::served found = models.find(typed);
    return found != nullptr && found->variant == nullptr;
}

variant_library::variant_library(generation::model_directory& models, catalog::variant_store& store)
    : models_(models), store_(store) {}

variant_library::~variant_library() = default;

void variant_library::load() {
    for (const std::string& warning : store_.warnings()) {
        telemetry::log().warn("a model that a client made is left out: {}", warning);
    }
    for (const catalog::variant_store::file& each : store_.take_found()) {
        const auto leave_out = [&each](std::string_view why) {
            telemetry::log().warn("a model that a client made is left out: '{}': {}", each.file_name, why);
        };
        auto document = read_variant_document(each.document);
        if (!document) {
            leave_out(telemetry::printable(document.error().message));
            continue;
        }
        if (catalog::variant_store::file_name(document->name) != each.file_name) {
            leave_out("it is not the file of the model " + document->name);
            continue;
        }
        if (is_configured(models_, document->name)) {
            leave_out("the configuration has a model of the name " + document->name);
            continue;
        }
        if (!is_configured(models_, document->from)) {
            leave_out("the model " + document->from + " below " + document->name + " is not served");
            aside_.push_back(std::move(*document));
            continue;
        }
        const generation::served base = models_.find(document->from);
        generation::served_model model = laid_over(*base, std::move(*document));
        tell_unused(model);
        models_.put(std::move(model));
    }
}

void variant_library::set_aside(std::string_view name) {
    const std::vector<generation::served> all = models_.all();
    for (const generation::served& each : all) {
        if (each->variant != nullptr && catalog::same_model(each->entry->name, name)) {
            aside_.push_back({each->name, each->entry->name, each->modified, *each->variant});
            models_.remove(each->name);
            telemetry::log().warn("model {}: is not served while the model {} below it is not", each->name,
                                  each->entry->name);
        }
    }
}

void variant_library::follow(std::string_view name) {
    const generation::served base = models_.find(name);
    if (base == nullptr || base->variant != nullptr) {
        return;
    }
    std::vector<variant_document> over;
    const std::vector<generation::served> all = models_.all();
    for (const generation::served& each : all) {
        if (each->variant != nullptr && catalog::same_model(each->entry->name, name)) {
            over.push_back({each->name, base->entry->name, each->modified, *each->variant});
        }
    }
    const auto waited = std::stable_partition(aside_.begin(), aside_.end(), [&](const variant_document& one) {
        return !catalog::same_model(one.from, name);
    });
    std::move(waited, aside_.end(), std::back_inserter(over));
    aside_.erase(waited, aside_.end());
    for (variant_document& each : over) {
        if (is_configured(models_, each.name)) {
            telemetry::log().warn(
                "model {}: the one that a client made is left out, the configuration has one", each.name);
            continue;
        }
        models_.put(laid_over(*base, std::move(each)));
    }
}

core::awaitable<core::result<void>> variant_library::keep(std::string name, generation::served base,
                                                          generation::model_variant content) {
    if (is_configured(models_, name)) {
        co_return is_the_configurations(models_.find(name)->name);
    }
    variant_document document;
    document.name = std::move(name);
    document.from = base->entry->name;
    document.modified = std::chrono::system_clock::now();
    document.content = std::move(content);
    std::string text = to_text(document);
    std::string key = document.name;
    core::result<void> saved = co_await store_.save(std::move(key), std::move(text));
    if (!saved) {
        co_return saved;
    }
    // Meanwhile the model below may be another, or gone.
    const generation::served below = models_.find(document.from);
    if (below == nullptr || below->variant != nullptr) {
        aside_.push_back(std::move(document));
    } else if (!is_configured(models_, document.name)) {
        generation::served_model model = laid_over(*below, std::move(document));
        tell_unused(model);
        models_.put(std::move(model));
    }
    co_return saved;
}

core::awaitable<core::result<void>> variant_library::forget(std::string name) {
    const generation::served found = models_.find(name);
    if (found == nullptr) {
        co_return core::make_failure(core::errc::not_found, "there is no model of that name");
    }
    if (found->variant == nullptr) {
        co_return is_the_configurations(found->name);
    }
    std::string key = found->name;
    core::result<void> removed = co_await store_.remove(std::move(key));
    const bool gone = removed || removed.error().code == boost::system::errc::no_such_file_or_directory;
    if (!gone) {
        co_return removed;
    }
    models_.remove(found->name);
    co_return core::result<void>();
}

}  // namespace corral::api
