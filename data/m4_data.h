/* The commands of m4-data; each has its own options and --help. */
#ifndef DATA_M4_DATA_H
#define DATA_M4_DATA_H

/* argv[0] is the command's name. Returns the exit code. */
int m4_data_info(int argc, char **argv);
int m4_data_check(int argc, char **argv);
int m4_data_export(int argc, char **argv);
int m4_data_plot(int argc, char **argv);

#endif
