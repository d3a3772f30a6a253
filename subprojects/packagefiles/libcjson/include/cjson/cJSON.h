/* Where an installed cJSON has its header. */
#include "../../cJSON.h"
