#include "bench/box_json.hpp"

#include <array>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bench/shown.hpp"
#include "corral/core/json_members.hpp"

namespace corral::bench {

using json = nlohmann::ordered_json;

// The curve in one text, "seconds:value", for the same reason.
json box_json(const box_watch& of) {
    json out{{"figures", json::array()}, {"health", of.health}};
    for (const track& one : of.tracks) {
        std::string curve;
        for (const auto& [at, value] : one.curve()) {
            curve += (curve.empty() ? "" : " ") + fixed(at, 2) + ":" + fixed(value, 2);
        }
        out["figures"].push_back({{"of", one.of()},
                                  {"figure", kind_of(one.what()).key},
                                  {"looks", one.looks()},
                                  {"mean", one.mean()},
                                  {"least", one.least()},
                                  {"most", one.most()},
                                  {"curve", std::move(curve)}});
    }
    return out;
}

box_watch box_of(const json& object) {
    box_watch out;
    for (const json& one : core::list_at(object, "figures")) {
        for (const figure what : {figure::load, figure::memory, figure::temperature, figure::power,
                                  figure::cpu, figure::resident}) {
            if (core::text_at(one, "figure") != kind_of(what).key ||
                out.tracks.size() >= box_watch::most_tracks) {
                continue;
            }
            std::vector<std::pair<double, double>> curve;
            std::istringstream words(core::text_at(one, "curve"));
            char colon = 0;
            for (double at = 0, value = 0;
                 curve.size() < track::most_points && words >> at >> colon >> value;) {
                curve.emplace_back(at, value);
            }
            const auto number = [&](const char* key) {
                return core::number_at<double>(one, key).value_or(0);
            };
            out.tracks.push_back(track::restored(
                core::text_at(one, "of"), what, core::number_at<std::size_t>(one, "looks").value_or(0),
                {number("mean"), number("least"), number("most")}, std::move(curve)));
        }
    }
    for (const json& word : core::list_at(object, "health")) {
        if (word.is_string()) {
            out.add_health(word.get<std::string>());
        }
    }
    return out;
}

json stages_json(const std::optional<stage_spans>& of) {
    if (!of) {
        return nullptr;
    }
    json out = json::object();
    for (const stage_name& each : stage_names()) {
        out[std::string(each.key) + "_ms"] = known_or_null((*of).*each.span);
    }
    return out;
}

std::optional<stage_spans> stages_in(const json* object) {
    if (object == nullptr || !object->is_object()) {
        return std::nullopt;
    }
    stage_spans out;
    for (const stage_name& each : stage_names()) {
        out.*each.span = core::number_at<double>(*object, (std::string(each.key) + "_ms").c_str());
    }
    return out;
}

}  // namespace corral::bench
