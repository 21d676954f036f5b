#include "corral/engine/backend.hpp"

namespace corral::engine {

core::awaitable<core::result<embedding_result>> backend::embed(std::vector<std::string>, core::deadline) {
    co_return core::make_failure(core::errc::refused, "this runtime can't make embeddings");
}

}  // namespace corral::engine
