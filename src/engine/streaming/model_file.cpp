#include "engine/streaming/model_file.hpp"

#include <functional>
#include <optional>
#include <utility>

#include "corral/package/gguf_header.hpp"

namespace corral::engine::streaming {

namespace {

std::shared_ptr<const model_facts> facts_in(const std::string& file, const std::string& projector) {
    const auto header = package::read_gguf(file);
    if (!header) {
        return nullptr;
    }
    auto out = std::make_shared<model_facts>();
    out->format = "gguf";
    out->quantization = header->file_type;
    out->info = header->shown;
    const auto count = out->info.find("general.parameter_count");
    if (count != out->info.end() && count->is_number_unsigned()) {
        out->parameter_size = package::parameter_words(count->get<std::uint64_t>());
    }
    if (const auto eyes = projector.empty() ? std::nullopt : package::read_gguf(projector); eyes) {
        out->projector = eyes->shown;
    }
    return out;
}

}  // namespace

core::awaitable<void> look_into(core::disk_work* disk, std::string file, std::string projector,
                                std::shared_ptr<std::shared_ptr<const model_facts>> to) {
    std::function<std::shared_ptr<const model_facts>()> work = [file, projector] {
        return facts_in(file, projector);
    };
    auto looking = disk->run(file, std::move(work));
    const auto found = co_await std::move(looking);
    if (found) {
        *to = *found;
    }
}

}  // namespace corral::engine::streaming
