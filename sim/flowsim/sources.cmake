set(M4_FLOWSIM_SOURCES flowsim/maxmin.c flowsim/propagate.c flowsim/schedule.c flowsim/flowsim.c)
