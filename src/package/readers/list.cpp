#include "package/readers/ascend.hpp"
#include "package/readers/axera_others.hpp"
#include "package/readers/axera_uid.hpp"
#include "package/readers/single_file.hpp"

namespace corral::package {

// The first that recognises a folder reads it, so what is more particular stands before what is less.
const std::vector<package_kind>& package_kinds() {
    static const std::vector<package_kind> all{
        axllm_kind(),        mindie_kind(), axera_vision_kind(), axera_uid_kind(),
        axera_legacy_kind(), rkllm_kind(),  gguf_kind(),         safetensors_kind(),
    };
    return all;
}

}  // namespace corral::package
