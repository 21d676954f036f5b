// Which package of the catalogue is for which box; no file is read here.

#include <algorithm>

#include "corral/catalog/model_name.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/pull/catalogue.hpp"

namespace corral::pull {

namespace {

// "qwen3" of "qwen3:4b".
std::string_view stem_of(std::string_view name) {
    return name.substr(0, name.rfind(':'));
}

std::string gigabytes(std::uint64_t mb) {
    const std::uint64_t tenths = (mb * 10 + 512) / 1024;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

bool is_for(const catalogue_package& package, box_kind kind) {
    return std::ranges::find(package.boxes, kind) != package.boxes.end();
}

// Why it is not for that kind of this box; empty: it is.
std::string unfit(const catalogue_package& package, box_kind kind, const box& here) {
    const std::optional<std::uint64_t> room = is_in_host(kind) ? here.memory_mb : here.card_memory_mb;
    if (!package.hosts.empty() && std::ranges::find(package.hosts, here.host) == package.hosts.end()) {
        return "its package for " + std::string(name_of(kind).about) + " needs a host of " +
               core::joined(package.hosts, " or ");
    }
    if (room && package.memory_mb > *room) {
        return "its package for " + std::string(name_of(kind).about) + " needs " +
               gigabytes(package.memory_mb) + " of memory, and there are " + gigabytes(*room);
    }
    return {};
}

std::string kinds_with_packages(const catalogue_model& model) {
    std::vector<std::string> out;
    for (const box_kind_name& one : box_kinds()) {
        if (std::ranges::any_of(model.packages, [&](const catalogue_package& package) {
                return is_for(package, one.kind);
            })) {
            out.emplace_back(one.about);
        }
    }
    return core::joined(out);
}

// Tags of that model that fit here.
std::string fitting_tags(const catalogue& from, std::string_view name, const box& here) {
    std::vector<std::string> out;
    for (const catalogue_model& one : from.models) {
        if (core::equal_ignoring_case(stem_of(one.name), stem_of(name)) &&
            choose(one, here).package != nullptr) {
            out.push_back(one.name);
        }
    }
    return core::joined(out);
}

}  // namespace

const catalogue_model* find_model(const catalogue& in, std::string_view typed) {
    const auto name = catalog::display_name(typed);
    if (!name) {
        return nullptr;
    }
    const auto is_it = [&](const std::string& one) { return core::equal_ignoring_case(one, *name); };
    const auto named =
        std::ranges::find_if(in.models, [&](const catalogue_model& one) { return is_it(one.name); });
    if (named != in.models.end()) {
        return &*named;
    }
    const auto aliased = std::ranges::find_if(
        in.models, [&](const catalogue_model& one) { return std::ranges::any_of(one.aliases, is_it); });
    return aliased == in.models.end() ? nullptr : &*aliased;
}

choice choose(const catalogue_model& model, const box& here) {
    choice out;
    out.model = &model;
    std::vector<std::string> reasons;
    for (const box_kind kind : here.kinds) {
        for (const catalogue_package& one : model.packages) {
            if (!is_for(one, kind)) {
                continue;
            }
            std::string why = unfit(one, kind, here);
            if (why.empty()) {
                out.package = &one;
                out.kind = kind;
                out.remark = core::joined(reasons, "; ");
                if (kind == box_kind::cpu && here.kinds.size() > 1 && reasons.empty()) {
                    out.remark = "there is none for " + std::string(name_of(here.kinds.front()).about) +
                                 ", so the CPU computes it";
                }
                return out;
            }
            reasons.push_back(std::move(why));
        }
    }
    out.reason = reasons.empty() ? core::say("catalogue.other-box", describe(here), model.name,
                                             kinds_with_packages(model))
                                 : core::reason::unlisted(core::joined(reasons, "; "));
    return out;
}

choice choose(const catalogue& from, std::string_view typed, const box& here) {
    if (const catalogue_model* const found = find_model(from, typed)) {
        return choose(*found, here);
    }
    choice out;
    const auto name = catalog::display_name(typed);
    const std::string tags = name ? fitting_tags(from, *name, here) : std::string();
    out.reason = tags.empty() ? core::say("catalogue.no-such-model/none", typed)
                              : core::say("catalogue.no-such-model/tags", typed, tags);
    return out;
}

bool has_words(const catalogue_model& model, const std::vector<std::string>& words) {
    std::string all = model.name + " " + core::joined(model.aliases, " ") + " " + model.family + " " +
                      core::joined(model.capabilities, " ") + " " + model.parameter_size;
    all = core::lower_case(all);
    return std::ranges::all_of(words, [&](const std::string& word) {
        return all.find(core::lower_case(word)) != std::string::npos;
    });
}

}  // namespace corral::pull
