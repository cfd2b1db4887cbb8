set(M4_ACCURACY_SOURCES accuracy/m4_accuracy.c accuracy/study.c accuracy/folders.c accuracy/facts.c accuracy/axes.c accuracy/tables.c accuracy/figures.c)
