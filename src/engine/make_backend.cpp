#include "corral/engine/make_backend.hpp"

namespace corral::engine {

core::result<const dialect_descriptor*> dialect_of(const catalog::model_entry& model) {
    const dialect_descriptor* const found = find_dialect(model.runtime.dialect);
    if (found == nullptr) {
        return core::make_failure(core::errc::invalid,
                                  "model " + model.name + ": profile " + model.runtime.name +
                                      " names the unknown dialect '" + model.runtime.dialect + "'");
    }
    return found;
}

core::result<std::unique_ptr<backend>> make_backend(const supervisor::supervisor_context& supervision,
                                                    const catalog::model_entry& model) {
    const auto dialect = dialect_of(model);
    if (!dialect) {
        return dialect.error();
    }
    return (*dialect)->make(supervision, model);
}

}  // namespace corral::engine
